"""The embedded PostgreSQL, with real servers."""

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from imagen_site.embedded_postgres import (
    EmbeddedPostgresError,
    cluster,
    join,
    locate,
    server,
)
from tests.stack.embedded import (
    IS_ROOT,
    Program,
    in_child,
    mode_of,
    postmaster,
    query,
    wait_until,
)


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


def test_server_told_to_stop_smartly_does_not_wait_for_the_last_session(data_dir: Path) -> None:
    """SIGTERM lets open sessions go on and new ones in no more: pooled ones never end."""
    with join(data_dir) as membership, psycopg.connect(membership.url) as pooled:
        os.kill(postmaster(membership), signal.SIGTERM)
        began = time.monotonic()

        wait_until(membership.ensure_running)

        assert query(membership, "SELECT 1") == [(1,)]
        assert time.monotonic() - began < 5
        pooled.close()


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
