"""manage.py doctor"""

import shutil
import sys

from django.core.management.base import BaseCommand, CommandParser, no_translations

from generation.doctor import report
from generation.doctor.examination import examine
from generation.doctor.finding import State, worst


class Command(BaseCommand):
    help = (
        "Tell within ten seconds what is well on this host and what is not: card, memory, models, "
        "disks, database, queue, workers and settings, each with what helps. Changes nothing and "
        "starts no database. Exit status 1 when anything is bad, else 0."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="one object: state, findings, for programs"
        )
        parser.add_argument(
            "--deep",
            action="store_true",
            help="read every byte of the models and compare it with what was installed; takes as "
            "long as the disk takes",
        )

    @no_translations
    def handle(self, *args: object, json: bool, deep: bool, **options: object) -> None:
        findings = examine(is_deep=deep)
        if json:
            self.stdout.write(report.to_json(findings))
        else:
            style = self.style
            paints = {
                State.OK: style.SUCCESS,
                State.WARNING: style.WARNING,
                State.BAD: style.ERROR,
            }
            width = shutil.get_terminal_size().columns if self.stdout.isatty() else None
            self.stdout.write("\n".join(report.lines(findings, paints, width)))
        if worst(findings) is State.BAD:
            sys.exit(1)
