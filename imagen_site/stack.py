"""Web and worker as children of one launcher: started together, ended together."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

BASE_DIR = Path(__file__).resolve().parents[1]
READY_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
_PR_SET_PDEATHSIG = 1


class StackError(Exception):
    """Web or worker cannot be started; the message says why and what to do."""


class Stack:
    """A running web and worker. `url` is where the web answers."""

    def __init__(self, *, host: str, port: int, output: IO[str] | None = None) -> None:
        """Start both. port 0 takes a free one; output takes what they print (None: the terminal).

        Raises StackError when the port is taken.
        """
        listener = _listen(host, port)
        address, chosen_port = listener.getsockname()[:2]
        self.url = f"http://{f'[{address}]' if ':' in address else address}:{chosen_port}"
        with listener:
            listener_fd = listener.fileno()
            self.web = _start(
                ["-m", "imagen_site.web", "--fd", str(listener_fd)], output, [listener_fd]
            )
        self.worker = _start([str(BASE_DIR / "manage.py"), "imagen_worker"], output)

    def wait_until_ready(self) -> None:
        """Return once the web serves. Raises StackError when it does not within a minute."""
        give_up_at = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < give_up_at:
            self.check()
            if is_ready(self.url):
                return
            time.sleep(0.1)
        raise StackError(f"{self.url} did not answer within {READY_LIMIT_S:g} s.")

    def check(self) -> None:
        """Raise StackError when web or worker has ended by itself."""
        for name, process in (("web", self.web), ("worker", self.worker)):
            if process.poll() is not None:
                raise StackError(f"the {name} process ended with code {process.returncode}.")

    def stop(self) -> None:
        """End both and wait for them; one that does not go within ten seconds is killed."""
        children = (self.web, self.worker)
        for child in children:
            with suppress(ProcessLookupError):
                child.terminate()
        for child in children:
            try:
                child.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def is_ready(url: str) -> bool:
    """Whether an Imagen with a database answers at this address."""
    try:
        with open_direct(f"{url}/readyz", timeout_s=2) as answer:
            return json.load(answer).get("status") == "ready"
    except (OSError, ValueError, AttributeError):
        return False


def open_direct(
    request: str | urllib.request.Request, *, timeout_s: float
) -> "urllib.response.addinfourl":
    """Open an address of this machine, never through a proxy. Raises as urlopen does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=timeout_s)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=1024)
    except OSError as error:
        raise StackError(
            f"port {port} on {host} cannot be used ({error.strerror}): end what holds it, or "
            "choose another one with IMAGEN_PORT."
        ) from error


def _start(
    arguments: list[str], output: IO[str] | None, inherited: list[int] | None = None
) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that a terminal's Ctrl-C reaches the launcher alone."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        pass_fds=inherited or (),
        start_new_session=True,
        preexec_fn=_end_with_parent,  # noqa: PLW1509  the launcher has no threads
    )


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM to this child when the launcher dies, however it dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        os._exit(1)
