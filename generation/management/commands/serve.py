"""manage.py serve"""

import signal
import time

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from generation import accounts, schema
from imagen_site import database_server
from imagen_site.embedded_postgres import EmbeddedPostgresError
from imagen_site.stack import Stack, StackError


class Command(BaseCommand):
    help = (
        "Serve pages and REST API and paint the pictures, until Ctrl-C: web and worker of one "
        "machine in one command, with its own PostgreSQL unless DATABASE_URL names another."
    )

    def handle(self, *args: object, **options: object) -> None:
        # SIGINT too: a shell script starts its background jobs with it ignored.
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_number, signal.default_int_handler)
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
                stack.keep_running()
                self._keep_database()

    def _keep_database(self) -> None:
        """Bring the embedded server back; what fails now is tried again a second later."""
        try:
            database_server.keep_running()
        except EmbeddedPostgresError as error:
            self.stderr.write(f"imagen: {error}")

    def _greet(self, url: str) -> None:
        """One write, so that no log line of the children falls between its lines."""
        lines = ["", f"Imagen serves {url}", *self._log_in_lines(), "Ctrl-C stops everything.", ""]
        self.stdout.write("\n".join(lines))
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
