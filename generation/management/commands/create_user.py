"""manage.py create_user NAME"""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from generation import accounts


class Command(BaseCommand):
    help = "Make a user and print the drawn password, alone on a line. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name to log in with")
        parser.add_argument(
            "--operator", action="store_true", help="may enter the admin and do everything there"
        )

    def handle(self, *args: object, name: str, operator: bool, **options: object) -> None:
        try:
            self.stdout.write(accounts.create_user(name, is_operator=operator))
        except ValidationError as error:
            reasons = " ".join(error.messages)
            raise CommandError(f"{name!r} cannot be a user's name: {reasons}") from error
