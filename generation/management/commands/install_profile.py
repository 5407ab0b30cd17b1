"""manage.py install_profile"""

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from generation import conf
from generation.installing.errors import InstallFailed
from generation.installing.installer import install
from generation.installing.recipe import RECIPES


class Command(BaseCommand):
    help = (
        "Download a model's weights and check them. Breaks off and goes on where it ended; what "
        "the hub's cache holds already is not fetched again. The revisions that it got are "
        "recorded, and fetched again when a file is missing or damaged."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(RECIPES), help="the profile")
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--from",
            dest="from_folder",
            type=Path,
            metavar="FOLDER",
            help="take the files from here and download nothing: a folder with clones of the "
            "repositories (such as stable-diffusion-xl-base-1.0/), or a hub's cache",
        )
        source.add_argument(
            "--upgrade",
            action="store_true",
            help="take the newest revisions instead of the recorded ones",
        )

    def handle(
        self, *args: object, name: str, from_folder: Path | None, upgrade: bool, **options: object
    ) -> None:
        profile = conf.profiles()[name]
        if profile.licence:
            self.stdout.write(profile.licence)
        try:
            record = install(
                name,
                profile.folder,
                from_folder=from_folder,
                upgrade=upgrade,
                is_quiet=not sys.stderr.isatty(),
            )
        except InstallFailed as error:
            raise CommandError(str(error)) from error
        for repository, revision in record.revisions.items():
            self.stdout.write(f"{repository}  {revision}")
        self.stdout.write(
            f"{name}: {len(record.files)} files, {record.size_bytes / 1e9:.1f} GB in"
            f" {profile.folder}"
        )
        if conf.profile().name != name:
            self.stdout.write(f"Set IMAGEN_PROFILE={name} to paint with it by default.")
