"""manage.py profiles"""

from django.core.management.base import BaseCommand

from generation import conf
from generation.spec.limits import Range
from generation.spec.profiles import ModelProfile


class Command(BaseCommand):
    help = (
        "List the model profiles with their sides, steps and sampler, and what to type for those "
        "that are not installed; a star marks the one of jobs that name none."
    )
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        default = conf.profile().name
        for profile in conf.profiles().values():
            mark = "*" if profile.name == default else " "
            sides = f"{profile.min_side}-{profile.max_side} px"
            steps = f"{_shown(profile.steps(conf.limits()))} steps"
            self.stdout.write(
                f"{mark} {profile.name:14} {sides:12} {steps:11} {profile.sampler!s:20} "
                f"{profile.title:30} {_state(profile)}"
            )


def _shown(steps: Range[int]) -> str:
    if steps.minimum == steps.maximum:
        return str(steps.default)
    return f"{steps.minimum}-{steps.maximum}"


def _state(profile: ModelProfile) -> str:
    words = ["installed"] if profile.is_installed else [f"not installed: {profile.remedy}"]
    if profile.download_gb and not profile.is_installed:
        words.append(f"It needs {profile.download_gb:g} GB.")
    return " ".join(filter(None, [*words, profile.licence]))
