"""Web and worker as children of one launcher: started together, ended together."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Self

from imagen_site.env import BASE_DIR
from imagen_site.parent_death import end_with_this_process

READY_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
PROBE_LIMIT_S = 2.0
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class StackError(Exception):
    """Web or worker cannot be started; the message says why and what to do."""


class Stack:
    """A running web and worker. `url` is where the web answers."""

    def __init__(
        self, *, host: str, port: int, is_public: bool = True, output: IO[str] | None = None
    ) -> None:
        """Start both. port 0 takes a free one; output takes what they print (None: the terminal).

        is_public: whether other programs on this database may find the web and use it.
        Raises StackError when the port is taken.
        """
        self._output = output
        self._is_public = is_public
        self._listener = _listen(host, port)
        self.url = local_url(host, self._listener.getsockname()[1])
        self.web = self._start_web()
        self.worker = self._start_worker()

    def wait_until_ready(self) -> None:
        """Return once the web serves. Raises StackError when it does not within a minute."""
        give_up_at = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < give_up_at:
            self.keep_running()
            if is_ready(self.url):
                return
            time.sleep(0.1)
        raise StackError(f"{self.url} did not answer within {READY_LIMIT_S:g} s.")

    def keep_running(self) -> None:
        """Replace a process that was killed. Raises StackError for one that ended by itself.

        A new worker also ends what the killed one left behind.
        """
        if _was_killed("web", self.web):
            self.web = self._start_web()
        if _was_killed("worker", self.worker):
            self.worker = self._start_worker()

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
        self._listener.close()

    def _start_web(self) -> subprocess.Popen[bytes]:
        fd = self._listener.fileno()
        arguments = ["-m", "imagen_site.web", "--fd", str(fd)]
        address = {"IMAGEN_WEB_URL": self.url} if self._is_public else {}
        return _start(arguments, self._output, address, inherited=[fd])

    def _start_worker(self) -> subprocess.Popen[bytes]:
        arguments = [str(BASE_DIR / "manage.py"), "imagen_worker"]
        return _start(arguments, self._output, {"IMAGEN_PROCESS": "worker"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def local_url(host: str, port: int) -> str:
    """The address by which this machine reaches a server that listens there."""
    reachable = WILDCARDS.get(host, host)
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}"


def is_ready(url: str) -> bool:
    """Whether an Imagen with a database answers at this address."""
    try:
        with open_direct(f"{url}/readyz", timeout_s=PROBE_LIMIT_S) as answer:
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
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except socket.gaierror as error:
        reason = f"IMAGEN_HOST is {host!r}, which is no address of this machine."
        raise StackError(reason) from error
    except OSError as error:
        raise StackError(
            f"port {port} on {host} cannot be used ({error.strerror}); end what holds it, or "
            "choose another one with IMAGEN_PORT."
        ) from error


def _was_killed(name: str, process: subprocess.Popen[bytes]) -> bool:
    code = process.poll()
    if code is not None and code >= 0:
        raise StackError(f"the {name} process ended by itself with code {code}; see its last lines")
    return code is not None


def _start(
    arguments: list[str],
    output: IO[str] | None,
    environment: dict[str, str],
    *,
    inherited: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that a terminal's Ctrl-C reaches the launcher alone."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        pass_fds=inherited,
        start_new_session=True,
        preexec_fn=end_with_this_process(),  # noqa: PLW1509  the launcher has no threads
    )
