"""manage.py create_token NAME"""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from generation.tokens import draw_token


class Command(BaseCommand):
    help = "Make an API token for a user and print it, alone on a line. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user's name; see create_user")
        parser.add_argument(
            "--label", default="command line", help="what the token is for (%(default)s)"
        )

    def handle(self, *args: object, name: str, label: str, **options: object) -> None:
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}; make one: manage.py create_user {name}")
        _token, key = draw_token(user.pk, label)
        self.stdout.write(key)
