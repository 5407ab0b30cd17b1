"""manage.py reset_password NAME"""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from generation.passwords import reset_url


class Command(BaseCommand):
    help = (
        "Print a link, alone on a line, with which a user sets a new password: it works once, for "
        "a day. Until then the old password stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name that the user signs in with")

    def handle(self, *args: object, name: str, **options: object) -> None:
        user = get_user_model().objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {name!r}.")
        self.stdout.write(reset_url(user))
