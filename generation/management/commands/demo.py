"""manage.py demo"""

import json
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from tqdm import tqdm

from generation import accounts, schema
from generation.jobs import services
from generation.models import GenerationJob
from generation.tokens import draw_token, revoke_token
from imagen_site import database_server
from imagen_site.stack import Stack, StackError, is_ready, open_direct

POLL_EVERY_S = 0.1
"""Often enough that the bar moves with the steps of a fast model."""
BAR_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| step {n_fmt} of {total_fmt} [{elapsed}]"


class Command(BaseCommand):
    help = (
        "Paint one picture through the REST API and save it. Uses the server that `manage.py "
        "serve` runs for this database, else starts web and worker for the time being."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prompt", required=True, help="what the picture shows")
        parser.add_argument(
            "--out", type=Path, default=Path("imagen.png"), help="the file (%(default)s)"
        )

    def handle(self, *args: object, prompt: str, out: Path, **options: object) -> None:
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_number, signal.default_int_handler)
        if not prompt.strip():
            raise CommandError("The prompt is empty: say what the picture shows, by --prompt.")
        path = _writable(out)
        database_server.join_if_embedded()
        schema.bring_up_to_date()
        try:
            with _token() as token, _server() as (url, keep_running):
                path.write_bytes(_paint(Client(url, token), prompt, keep_running))
        except (StackError, ApiError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("interrupted, nothing was saved") from None
        self.stdout.write(str(path))


class ApiError(Exception):
    """The server refused, or the job failed; the message is what the API said."""


class Client:
    """The REST API as any program would use it."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"Token {token}", "Accept-Language": "en"}
        if settings.IMAGEN_PUBLIC_URL.startswith("https:"):  # spare the redirect to the proxy
            self.headers["X-Forwarded-Proto"] = "https"

    def call(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        """The answer's body. Raises ApiError with the problem's detail."""
        headers = self.headers | ({"Content-Type": "application/json"} if body else {})
        content = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.url + path, content, headers)
        try:
            with open_direct(request, timeout_s=30) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise ApiError(_detail(error)) from error
        except OSError as error:
            raise ApiError(f"{self.url} does not answer: {error}") from error

    def call_json(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.call(path, body))
        return answer


def _paint(client: Client, prompt: str, keep_running: Callable[[], None]) -> bytes:
    """Submit, follow the steps with a bar, and fetch the PNG."""
    job_id = client.call_json("/generate", {"prompt": prompt})["job_id"]
    give_up_at = time.monotonic() + 2 * settings.IMAGEN_JOB_TIMEOUT
    steps = settings.IMAGEN_DEFAULT_STEPS
    with _cancelled_on_interrupt(job_id), tqdm(total=steps, bar_format=BAR_FORMAT) as bar:
        while time.monotonic() < give_up_at:
            status = client.call_json(f"/status/{job_id}")
            match status["status"]:
                case "PENDING":
                    _show(bar, "waiting", 0)
                case "PROGRESS":
                    step = status["meta"]["current"]
                    _show(bar, "painting" if step else "loading the model", step)
                case "SUCCESS":
                    _show(bar, "painted", bar.total)
                    return client.call(status["result"]["url"])
                case "FAILURE":
                    raise ApiError(status["error"])
                case "REVOKED":
                    raise ApiError("The job was cancelled.")
            time.sleep(POLL_EVERY_S)
            keep_running()
    raise ApiError(f"Job {job_id} has not ended after {2 * settings.IMAGEN_JOB_TIMEOUT} s.")


@contextmanager
def _cancelled_on_interrupt(job_id: str) -> Iterator[None]:
    """Ctrl-C leaves no job behind for the next worker to paint."""
    try:
        yield
    except KeyboardInterrupt:
        with suppress(services.JobNotCancellable):
            services.cancel_job(GenerationJob.objects.get(public_id=job_id))
        raise


def _show(bar: "tqdm[NoReturn]", words: str, step: int) -> None:
    """Redraw only what has changed."""
    if bar.desc != words:
        bar.set_description_str(words)
    if step != bar.n:
        bar.n = step
        bar.refresh()


@contextmanager
def _server() -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of the running server of this database, or of one that ends with the block.

    With it comes what to call now and then to have it kept running. What a server of our own
    logs is shown only when something goes wrong.
    """
    if running := _running_server():
        yield running, lambda: None
        return
    with tempfile.TemporaryFile("w+") as log:
        try:
            with Stack(host="127.0.0.1", port=0, is_public=False, output=log) as stack:
                stack.wait_until_ready()
                yield stack.url, stack.keep_running
        except (StackError, ApiError) as error:
            raise StackError(f"{error}\n{_tail(log)}") from error


def _running_server() -> str | None:
    """The address of a ready web process on this database; PostgreSQL lists who is connected."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT substr(application_name, length(%(name)s) + 2) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE %(name)s || ' http%%'",
            {"name": settings.WEB_APPLICATION},
        )
        addresses = [address for (address,) in cursor.fetchall()]
    return next((address for address in addresses if is_ready(address)), None)


@contextmanager
def _token() -> Iterator[str]:
    """A token of the demo user that ends with the block."""
    token, key = draw_token(accounts.get_or_create_demo_user().pk, "make demo")
    try:
        yield key
    finally:
        revoke_token(token)


def _writable(out: Path) -> Path:
    """The absolute path, tried before anything is started for it. Raises CommandError."""
    path = out.expanduser().absolute()
    if path.suffix.lower() != ".png":
        raise CommandError(f"{path} must end in .png, since the picture is one.")
    try:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        with tempfile.TemporaryFile(dir=path.parent):
            return path
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error}. Name another file.") from error


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError):
        return f"{error.url} answered {error.code} {error.reason}"


def _tail(log: IO[str], lines: int = 20) -> str:
    log.seek(0)
    return "".join(log.readlines()[-lines:]).rstrip()
