"""The embedded PostgreSQL of root and of ordinary users, `nobody` among them."""

import os
import pwd
import shutil
from pathlib import Path

import pytest

from imagen_site.embedded_postgres import (
    EmbeddedPostgresError,
    cluster,
    join,
    locate,
    location,
    prepare_data_dir,
    server,
)
from tests.stack.embedded import (
    IS_ROOT,
    as_nobody,
    mode_of,
    only_root,
    query,
)


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
