"""manage.py profiles"""

from django.conf import settings
from django.core.management.base import BaseCommand

from generation.spec.profiles import PROFILES


class Command(BaseCommand):
    help = "List the installed model profiles; the one that new jobs use is marked with a star."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        for profile in PROFILES.values():
            if profile.is_installed:
                mark = "*" if profile.name == settings.IMAGEN_PROFILE else " "
                sides = f"{profile.min_side}-{profile.max_side} px"
                self.stdout.write(
                    f"{mark} {profile.name:12} {sides:12} {profile.device:5} {profile.title}"
                )
