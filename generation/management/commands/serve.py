"""manage.py serve"""

import signal
import time

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from generation import accounts, schema
from imagen_site import database_server
from imagen_site.stack import Stack, StackError


class Command(BaseCommand):
    help = (
        "Serve pages and REST API and paint the pictures, until Ctrl-C: web and worker of one "
        "machine in one command, with its own PostgreSQL unless DATABASE_URL names another."
    )

    def handle(self, *args: object, **options: object) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.default_int_handler)
        schema.bring_up_to_date()
        try:
            self._serve()
        except StackError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stderr.write("imagen: stopped")

    def _serve(self) -> None:
        with Stack(host=settings.IMAGEN_HOST, port=settings.IMAGEN_PORT) as stack:
            stack.wait_until_ready()
            self._greet(stack.url)
            while True:
                time.sleep(1)
                database_server.keep_running()
                stack.keep_running()

    def _greet(self, url: str) -> None:
        self.stdout.write(f"\nImagen serves {url}")
        for line in self._log_in_lines():
            self.stdout.write(line)
        self.stdout.write("Ctrl-C stops everything.\n")
        self.stdout.flush()

    def _log_in_lines(self) -> list[str]:
        """How to log in; on the first run with a user made for it."""
        users = get_user_model().objects
        operator = users.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if operator is not None:
            name = operator.get_username()
            return [f"Log in as {name}; manage.py changepassword {name} if it was lost."]
        name = accounts.FIRST_USER
        if users.filter(username=name).exists():
            return ["Nobody can log in as operator; manage.py create_user NAME --operator"]
        password = accounts.create_user(name, is_operator=True)
        return [
            f"Log in as {name} with the password {password}",
            f"It is shown this once; manage.py changepassword {name} sets another.",
        ]
