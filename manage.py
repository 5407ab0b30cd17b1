#!/usr/bin/env python
"""Imagen's command line: `./manage.py help` lists what it can do."""

import os
import sys

WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "demo",  # joins by itself, once it has found nothing to refuse
    "diffsettings",
    "doctor",  # tells that it is not running
    "help",
    "profiles",
    "install_profile",
    "version",
}


def main() -> None:
    """Run a management command, with the embedded PostgreSQL where the command needs one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagen_site.settings")
    import django
    from django.core.management import execute_from_command_line
    from django.utils import translation

    from imagen_site import database_server, launch

    with launch.orderly_process():
        django.setup()
        translation.activate("en")  # as all that is written for operators
        if needs_database(sys.argv[1:]):
            database_server.join_if_embedded()
        execute_from_command_line(sys.argv)


def needs_database(arguments: list[str]) -> bool:
    """Whether the command line asks for more than help or something that needs no rows."""
    asks_for_help = any(argument in ("-h", "--help", "--version") for argument in arguments)
    return bool(arguments) and not asks_for_help and arguments[0] not in WITHOUT_DATABASE


if __name__ == "__main__":
    main()
