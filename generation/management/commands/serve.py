"""manage.py serve"""

import signal
import time

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from generation import accounts
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
        call_command("migrate", verbosity=0, interactive=False)
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
                stack.check()

    def _greet(self, url: str) -> None:
        self.stdout.write(f"\nImagen serves {url}")
        name = accounts.FIRST_USER
        if not get_user_model().objects.filter(is_superuser=True).exists():
            password = accounts.create_user(name, is_operator=True)
            self.stdout.write(f"Log in as {name} with the password {password}")
            self.stdout.write(
                f"It is shown this once; manage.py changepassword {name} sets another."
            )
        else:
            self.stdout.write(f"Log in as {name}; manage.py changepassword {name} if it was lost")
        self.stdout.write("Ctrl-C stops everything.\n", ending="\n")
        self.stdout.flush()
