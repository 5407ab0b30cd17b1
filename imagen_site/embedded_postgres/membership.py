"""Programs share one server: the first to join starts it, the last to leave stops it."""

import fcntl
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from . import cluster, server
from .errors import EmbeddedPostgresError, os_errors_explained
from .location import Location, locate
from .locks import exclusively, open_lock, release, try_exclusive


class Membership:
    """A claim on the running server, ended by leave() or by the death of the program."""

    def __init__(self, location: Location, lock: int) -> None:
        self.location = location
        self._lock: int | None = lock
        self._joined_pid = os.getpid()

    @property
    def url(self) -> str:
        return self.location.url

    def ensure_running(self) -> bool:
        """Start the server again if it died; True when this call had to.

        Costs about 1 ms when all is well. Of several programs that notice at once, one starts it
        and the others wait. A forked child may call it too.
        """
        if self._lock is None:
            raise EmbeddedPostgresError(
                f"this program has left the database in {self.location.home}: join it again first."
            )
        with os_errors_explained(self.location.home):
            if server.is_answering(self.location):
                return False
            with _deciding(self.location):
                return server.start(self.location)

    def leave(self) -> None:
        """Give up the claim; the last one out stops the server. Later calls do nothing.

        Does nothing in a forked child, since the claim is its parent's.
        """
        if self._lock is None or os.getpid() != self._joined_pid:
            return
        lock, self._lock = self._lock, None
        try:
            with os_errors_explained(self.location.home), _deciding(self.location):
                fcntl.flock(lock, fcntl.LOCK_UN)
                if try_exclusive(lock):
                    server.stop(self.location)
        finally:
            release(lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()


def join(data_dir: Path, *, announce: Callable[[str], None] | None = None) -> Membership:
    """Have the server of data_dir running and become one of its members.

    A first start makes the cluster (about a second). announce gets one line when the cluster
    lives outside data_dir. Raises EmbeddedPostgresError.
    """
    location = locate(data_dir)
    _refuse_shell_characters(location)
    if announce is not None and location.moved_because is not None:
        announce(f"the database lives in {location.home} because {location.moved_because}")
    with os_errors_explained(location.home):
        cluster.make_home(data_dir, location)
        with _deciding(location):
            lock = open_lock(location.home / "members.lock")
            try:
                fcntl.flock(lock, fcntl.LOCK_SH)
                server.start(location)
                server.make_database(location)
            except BaseException:  # Ctrl-C among them: the server has left our session
                fcntl.flock(lock, fcntl.LOCK_UN)
                if try_exclusive(lock):
                    server.stop(location)
                release(lock)
                raise
    return Membership(location, lock)


def _deciding(location: Location) -> AbstractContextManager[None]:
    """Exclude every other decision to start or stop this server."""
    return exclusively(location.home / "start.lock")


def _refuse_shell_characters(location: Location) -> None:
    """pg_ctl starts the server through a shell with its paths in double quotes."""
    found = sorted(set('"$`\\\n') & set(str(location.home) + str(location.bin_dir)))
    if found:
        raise EmbeddedPostgresError(
            f"the path {location.home} holds {' '.join(map(repr, found))}, which PostgreSQL's "
            "starter cannot bear: choose another data folder."
        )
