"""The embedded PostgreSQL, with real servers; as root some tests run as `nobody` in a child."""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from imagen_site.embedded_postgres import (
    EmbeddedPostgresError,
    Location,
    Membership,
    cluster,
    join,
    locate,
    location,
    prepare_data_dir,
    server,
)

PROJECT_DIR = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not IS_ROOT, reason="shows what happens as root")
JOIN_IN_A_PROGRAM = """
import sys
from pathlib import Path
from imagen_site.embedded_postgres import join, server
sys.stdin.readline()
membership = join(Path(sys.argv[1]))
print(server.read_pid_file(membership.location).pid, flush=True)
sys.stdin.readline()
membership.leave()
"""


def wait_until(is_true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def kill_server(where: Location) -> None:
    for pid in server.server_pids(where):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.server_pids(where))


def quick_disk() -> str:
    """Memory where there is enough for clusters and programs: a new cluster is all fsync."""
    memory = Path("/dev/shm")
    if memory.exists() and shutil.disk_usage(memory).free > 2**30:
        return "/tmp" if os.statvfs(memory).f_flag & os.ST_NOEXEC else str(memory)
    return "/tmp"


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the server's account can enter, which pytest's own is not for root."""
    folder = Path(tempfile.mkdtemp(prefix="imagen-test-", dir=quick_disk()))
    folder.chmod(0o711)
    system_dir, existed = location.SYSTEM_DIR, location.SYSTEM_DIR.exists()
    try:
        yield folder
    finally:
        where = locate(folder / "data")
        kill_server(where)
        for leftover in (where.socket_dir, where.home, folder):
            shutil.rmtree(leftover, ignore_errors=True)
        if not existed and system_dir.exists() and not any(system_dir.iterdir()):
            system_dir.rmdir()


@pytest.fixture
def fresh_dir() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def made_dir() -> Iterator[Path]:
    with open_folder() as folder:
        join(folder / "data").leave()
        yield folder / "data"


@pytest.fixture
def data_dir(made_dir: Path) -> Iterator[Path]:
    """A data folder whose cluster is made and whose server rests, before and after the test."""
    where = locate(made_dir)
    assert server.server_pids(where) == []
    yield made_dir
    kill_server(where)


class Program(subprocess.Popen[str]):
    """Another program: joins at its first line of input, answers a pid, leaves at its second."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", JOIN_IN_A_PROGRAM, str(folder)]
        pipe = subprocess.PIPE
        super().__init__(command, cwd=PROJECT_DIR, stdin=pipe, stdout=pipe, text=True, bufsize=1)

    def go_on(self) -> None:
        assert self.stdin is not None
        self.stdin.write("\n")

    def answer(self) -> str:
        assert self.stdout is not None
        return self.stdout.readline().strip()


def in_child(act: Callable[[], object], uid: int | None = None, gid: int = 0) -> str:
    """Run act in a forked child, as uid if given; its traceback, or "" when all went well.

    Forked rather than executed, since the interpreter may be out of reach for that uid.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if uid is not None:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            act()
        finally:  # os._exit also ends an exception, which must not go on to run the other tests
            report = traceback.format_exc() if sys.exc_info()[0] else ""
            os.write(writing, report.encode())
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as answer:
        report = answer.read()
    os.waitpid(child, 0)
    return report


def as_nobody(act: Callable[[], object]) -> str:
    nobody = pwd.getpwnam("nobody")
    return in_child(act, nobody.pw_uid, nobody.pw_gid)


def query(membership: Membership, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(membership.url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def postmaster(membership: Membership) -> int:
    record = server.read_pid_file(membership.location)
    assert record is not None
    return record.pid


def mode_of(path: Path) -> str:
    return stat.filemode(path.lstat().st_mode)


def test_locate_touches_nothing_and_repeats_itself(fresh_dir: Path) -> None:
    first = locate(fresh_dir)

    assert locate(fresh_dir) == first
    assert not fresh_dir.exists()
    assert not first.socket_dir.exists()
    assert first.url == (
        f"postgresql://imagen@/imagen?host=%2Ftmp%2F{first.socket_dir.name}&port=5432"
    )
    assert len(os.fsencode(first.socket)) < 107


def test_rows_survive_a_stop_and_a_second_start(data_dir: Path) -> None:
    with join(data_dir) as first:
        query(first, "CREATE TABLE fact (told text)")
        query(first, "INSERT INTO fact VALUES ('kept')")
    assert server.server_pids(first.location) == []

    with join(data_dir) as second:
        assert second.location == first.location == locate(data_dir)
        assert second.location.home == data_dir / "postgres"
        assert query(second, "SELECT told FROM fact") == [("kept",)]


def test_server_has_the_promised_settings(data_dir: Path) -> None:
    with join(data_dir) as membership:
        names = ("listen_addresses", "max_connections", "TimeZone", "fsync", "server_encoding")
        values = [query(membership, f"SHOW {name}")[0][0] for name in names]
        locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'imagen'"

        assert values == ["", "100", "UTC", "on", "UTF8"]
        assert query(membership, locale) == [("b", "C.UTF-8")]
        # A terminal's Ctrl-C must not reach the server.
        assert os.getsid(postmaster(membership)) != os.getsid(0)
        assert mode_of(membership.location.socket_dir) == "drwx------"
        assert membership.location.socket_dir.stat().st_uid == membership.location.uid


def test_missing_database_is_made_again(data_dir: Path) -> None:
    with join(data_dir) as membership:
        maintenance = membership.url.replace("/imagen?", "/postgres?")
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute("DROP DATABASE imagen")

        with join(data_dir):
            assert query(membership, "SELECT current_database()") == [("imagen",)]


def test_last_member_out_stops_the_server(data_dir: Path) -> None:
    first, second = join(data_dir), join(data_dir)

    first.leave()
    first.leave()
    assert query(second, "SELECT 1") == [(1,)]

    second.leave()
    assert server.server_pids(second.location) == []
    with pytest.raises(EmbeddedPostgresError, match="join it again"):
        second.ensure_running()


def test_killed_member_does_not_keep_the_server(data_dir: Path) -> None:
    with Program(data_dir) as other:
        other.go_on()
        assert int(other.answer()) in server.server_pids(locate(data_dir))
        other.kill()
        other.wait()
        assert server.server_pids(locate(data_dir)) != []

        join(data_dir).leave()

    assert server.server_pids(locate(data_dir)) == []


def test_forked_child_leaving_keeps_server_and_claim(data_dir: Path) -> None:
    with join(data_dir) as membership:
        assert in_child(membership.leave) == ""
        join(data_dir).leave()

        assert query(membership, "SELECT 1") == [(1,)]
    assert server.server_pids(membership.location) == []


def test_programs_joining_at_once_share_one_server(fresh_dir: Path) -> None:
    with Program(fresh_dir) as first, Program(fresh_dir) as second:
        first.go_on()
        second.go_on()
        assert first.answer() == second.answer() != ""
        first.go_on()
        second.go_on()
        assert (first.wait(20), second.wait(20)) == (0, 0)

    assert locate(fresh_dir).log.read_text().count("starting PostgreSQL") == 1
    assert server.server_pids(locate(fresh_dir)) == []


def test_killed_postmaster_is_back_within_5_s_with_every_row(data_dir: Path) -> None:
    with join(data_dir) as membership, psycopg.connect(membership.url) as busy:
        query(membership, "CREATE TABLE survivor AS SELECT generate_series(1, 1000) AS number")
        # A backend that computes does not notice the death of its postmaster.
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
        assert membership.ensure_running() is False
        began = time.monotonic()
        os.kill(postmaster(membership), signal.SIGKILL)
        wait_until(lambda: postmaster(membership) not in server.server_pids(membership.location))

        assert membership.ensure_running() is True
        assert query(membership, "SELECT count(*) FROM survivor") == [(1000,)]
        assert time.monotonic() - began < 5
        busy.close()


def test_orphans_of_a_killed_postmaster_end_with_the_last_member(data_dir: Path) -> None:
    membership = join(data_dir)
    with psycopg.connect(membership.url) as busy:
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
        os.kill(postmaster(membership), signal.SIGKILL)
        wait_until(lambda: postmaster(membership) not in server.server_pids(membership.location))

        membership.leave()

        wait_until(lambda: not server.server_pids(membership.location))
        busy.close()


def test_server_whose_socket_was_removed_is_restarted(data_dir: Path) -> None:
    with join(data_dir) as membership:
        membership.location.socket.unlink()

        assert membership.ensure_running() is True
        assert query(membership, "SELECT 1") == [(1,)]


def test_server_that_only_queues_connections_is_not_answering(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_PROBE_TIMEOUT_S", 0.1)
    with join(data_dir) as membership:
        os.kill(postmaster(membership), signal.SIGSTOP)
        is_answering = server.is_answering(membership.location)
        os.kill(postmaster(membership), signal.SIGCONT)

        assert not is_answering


@pytest.mark.parametrize("is_zombie", [True, False], ids=["zombie", "reused pid"])
def test_stale_pid_files_do_not_hinder_a_start(data_dir: Path, is_zombie: bool) -> None:
    where = locate(data_dir)
    user = where.uid if IS_ROOT else None
    with subprocess.Popen(["sleep", "0" if is_zombie else "60"], user=user, cwd="/") as stranger:
        if is_zombie:
            os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)
        stale = f"{stranger.pid}\n{where.cluster}\n1\n5432\n{where.socket_dir}\n\n\nready   \n"
        (where.cluster / "postmaster.pid").write_text(stale)
        where.socket.with_name(".s.PGSQL.5432.lock").write_text(stale)
        try:
            with join(data_dir) as membership:
                assert query(membership, "SELECT 1") == [(1,)]
        finally:
            stranger.kill()


def test_half_made_cluster_is_remade(fresh_dir: Path) -> None:
    with Program(fresh_dir) as killed:
        killed.go_on()
        home = locate(fresh_dir).home
        wait_until(lambda: any(home.glob("data.new-*/base")))
        killed.kill()
    assert not locate(fresh_dir).cluster.exists()

    with join(fresh_dir) as membership:
        assert query(membership, "SELECT 1") == [(1,)]


def test_cluster_of_another_major_version_is_refused(fresh_dir: Path) -> None:
    where = locate(fresh_dir)
    where.cluster.mkdir(parents=True)
    (where.cluster / "PG_VERSION").write_text("17\n")
    os.chown(where.cluster, where.uid, where.gid)

    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 17 .*pg_dumpall"):
        join(fresh_dir).leave()


def test_foreign_socket_folder_is_refused(fresh_dir: Path) -> None:
    folder = locate(fresh_dir).socket_dir
    refused = pytest.raises(EmbeddedPostgresError, match=f"{folder} .* is not a private folder")

    folder.symlink_to(fresh_dir.parent)
    with refused:
        join(fresh_dir).leave()

    folder.unlink()
    folder.mkdir()
    folder.chmod(0o755)
    with refused:
        join(fresh_dir).leave()

    if IS_ROOT:  # who alone can make a folder of another user
        folder.chmod(0o700)
        os.chown(folder, 12345, 12345)
        with refused:
            join(fresh_dir).leave()


def test_start_that_fails_tells_the_log(data_dir: Path) -> None:
    settings = locate(data_dir).cluster / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text("shared_buffers = 'plenty'\n")
    try:
        with pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "shared_buf'):
            join(data_dir).leave()
    finally:
        settings.write_text(before)


def test_server_in_another_container_is_not_doubled(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "START_TIMEOUT_S", 0.1)
    with (locate(data_dir).home / "server.lock").open("w") as lock:
        lock.write("pid:[1]")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(EmbeddedPostgresError, match="another container"):
            join(data_dir).leave()


def test_log_over_10_mb_is_put_aside(fresh_dir: Path) -> None:
    where = locate(fresh_dir)
    cluster.make_home(fresh_dir, where)
    where.log.touch()
    os.truncate(where.log, 11 * 1024 * 1024)

    cluster.make_log(where)

    assert where.log.stat().st_size == 0
    assert where.log.with_name("postgres.log.1").stat().st_size > 0


def test_path_with_a_shell_character_is_refused(fresh_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="choose another data folder"):
        join(fresh_dir / "$HOME").leave()


@pytest.mark.skipif(IS_ROOT, reason="shows what happens as an ordinary user")
def test_ordinary_user_keeps_the_cluster_in_the_data_folder(tmp_path: Path) -> None:
    where = locate(tmp_path)

    assert (where.home, where.uid) == (tmp_path / "postgres", os.geteuid())
    assert where.moved_because is None


@only_root
def test_ordinary_user_runs_the_server_as_themself(fresh_dir: Path) -> None:
    def use_server() -> None:
        with join(fresh_dir) as membership:
            assert membership.location.home == fresh_dir / "postgres"
            assert (fresh_dir / "postgres").stat().st_mode & 0o077 == 0
            assert query(membership, "SELECT 1") == [(1,)]
        assert server.server_pids(membership.location) == []

    fresh_dir.mkdir()
    os.chown(fresh_dir, *pwd.getpwnam("nobody")[2:4])

    assert as_nobody(use_server) == ""


@only_root
def test_folder_that_cannot_be_written_is_named(fresh_dir: Path) -> None:
    fresh_dir.mkdir(mode=0o755)

    joining = as_nobody(lambda: join(fresh_dir).leave())
    preparing = as_nobody(lambda: prepare_data_dir(fresh_dir / "deep"))

    assert f"PostgresError: the database in {fresh_dir}/postgres cannot be used" in joining
    assert f"PostgresError: the data folder {fresh_dir}/deep cannot be made" in preparing


@only_root
def test_closed_parent_moves_the_cluster_for_good(fresh_dir: Path) -> None:
    parent = fresh_dir.parent
    parent.chmod(0o700)
    before = [mode_of(folder) for folder in parent.parents]
    announced: list[str] = []

    with join(fresh_dir, announce=announced.append) as membership:
        where = membership.location
        assert query(membership, "SELECT 1") == [(1,)]

    assert where.home.parent == Path("/var/lib/imagen")
    assert announced == [
        f"the database lives in {where.home} because {parent} cannot be reached by nobody"
    ]
    assert [mode_of(folder) for folder in parent.parents] == before
    assert mode_of(parent) == "drwx------"
    parent.chmod(0o711)
    assert locate(fresh_dir).home == where.home


@only_root
def test_cluster_shut_away_later_is_not_replaced_by_an_empty_one(fresh_dir: Path) -> None:
    where = locate(fresh_dir)
    cluster.make_home(fresh_dir, where)
    where.cluster.mkdir()
    fresh_dir.chmod(0o700)

    with pytest.raises(EmbeddedPostgresError, match=f"{where.home} holds a database of uid 0"):
        join(fresh_dir).leave()


@only_root
def test_data_folder_prepared_under_a_strict_umask_stays_reachable(fresh_dir: Path) -> None:
    before = locate(fresh_dir / "deep")
    umask = os.umask(0o077)
    try:
        prepare_data_dir(fresh_dir / "deep")
    finally:
        os.umask(umask)

    assert locate(fresh_dir / "deep") == before
    assert mode_of(fresh_dir / "deep") == "drwx--x--x"


@only_root
def test_programs_out_of_reach_are_copied(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, wheel = data_dir.parent / "closed", location.wheel_dir()
    closed.mkdir(mode=0o700)
    ignore = shutil.ignore_patterns("include", "bitcode")
    for folder in (wheel, *location.library_dirs(wheel)):
        shutil.copytree(folder, closed / folder.name, ignore=ignore)
    for module in (location, cluster):
        monkeypatch.setattr(module, "wheel_dir", lambda: closed / wheel.name)
    system = data_dir.parent / "system"
    monkeypatch.setattr(location, "SYSTEM_DIR", system)

    with join(data_dir) as membership:
        assert membership.location.bin_dir.is_relative_to(system)
        assert query(membership, "SELECT 1") == [(1,)]
