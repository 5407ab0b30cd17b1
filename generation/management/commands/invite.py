"""manage.py invite"""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from generation.invitations import SignUpClosed, draw_invitation, invitation_url

MAX_DAYS = 365
MAX_NOTE_CHARS = 200


class Command(BaseCommand):
    help = "Draw a link with which one person can make an account, and print it alone on a line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--note", default="", help="whom it is for; only operators see it")
        parser.add_argument(
            "--days", type=int, default=7, help="how long the link works (%(default)s)"
        )

    def handle(self, *args: object, note: str, days: int, **options: object) -> None:
        if not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--days must be a whole number from 1 to {MAX_DAYS}.")
        if len(note) > MAX_NOTE_CHARS:
            raise CommandError(f"--note may have {MAX_NOTE_CHARS} characters at most.")
        try:
            _invitation, key = draw_invitation(note=note, days=days)
        except SignUpClosed as closed:
            raise CommandError(str(closed)) from closed
        self.stdout.write(invitation_url(key))
