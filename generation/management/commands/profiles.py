"""manage.py profiles"""

from django.core.management.base import BaseCommand

from generation import conf


class Command(BaseCommand):
    help = "List the model profiles; a star marks the one of jobs that name none."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        default = conf.profile().name
        for profile in conf.profiles().values():
            mark = "*" if profile.name == default else " "
            sides = f"{profile.min_side}-{profile.max_side} px"
            state = "installed" if profile.is_installed else f"not installed: {profile.remedy}"
            self.stdout.write(f"{mark} {profile.name:12} {sides:12} {profile.title:30} {state}")
