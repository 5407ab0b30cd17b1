"""DATABASE_URL may lead through a pooler of transactions; IMAGEN_LISTEN_URL leads past it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from imagen_site.embedded_postgres.location import server_account
from tests.stack.harness import Installation, crew_of, open_installation, wait_for

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
PORT = 6432
CONFIG = """
[databases]
* = {server}
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 4
ignore_startup_parameters = extra_float_digits
"""
AT_ONCE_S = 1.0
BY_BACKSTOP_S = 5.0
KEY = "one site has one key, whichever test left a ticket behind"


@pytest.fixture(autouse=True)
def pgbouncer_is_there() -> None:
    if PGBOUNCER is None:
        pytest.fail("PgBouncer is missing: apt-get install --no-install-recommends pgbouncer")


def write_config(folder: Path, server_url: str) -> Path:
    """Every database of the server, as the server's own user, whoever asks."""
    known = conninfo_to_dict(server_url)
    parts = {name: known[name] for name in ("host", "port", "user", "password") if known.get(name)}
    server = " ".join(
        "{}='{}'".format(name, str(value).replace("'", "''")) for name, value in parts.items()
    )
    config = folder / "pgbouncer.ini"
    config.write_text(CONFIG.format(server=server, port=PORT, folder=folder))
    return config


def is_serving(url: str) -> bool:
    try:
        with psycopg.connect(url):
            return True
    except psycopg.OperationalError:
        return False


@contextmanager
def pooled(direct_url: str) -> Iterator[str]:
    """PgBouncer before the server, as an unprivileged user; the same database's address there."""
    account = server_account()
    folder = Path(tempfile.mkdtemp(prefix="imagen-pooler-"))
    config = write_config(folder, direct_url)
    for path in (folder, config):
        os.chown(path, account.uid, account.gid)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PGBOUNCER), str(config)],
            user=account.uid if account.dropped else None,
            group=account.gid if account.dropped else None,
            extra_groups=[] if account.dropped else None,
            stdout=log,
            stderr=log,
        )
    url = make_conninfo(direct_url, host=str(folder), port=PORT)
    try:
        wait_for(lambda: is_serving(url), limit_s=10, what="the pooler serves")
        yield url
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def direct_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of its own, without a pooler."""
    with open_installation(tmp_path_factory.mktemp("direct")) as installation:
        assert installation.database_url
        yield installation.database_url


@contextmanager
def served(folder: Path, url: str, **settings: str) -> Iterator[Installation]:
    """Web and an idle worker on this address."""
    installation = Installation(folder, url, IMAGEN_SECRET_KEY=KEY, **settings)
    try:
        installation.start_web()
        worker = installation.start_worker()
        wait_for(lambda: len(crew_of(worker)) == 5, limit_s=30, what="the cluster is whole")
        token = installation.new_token()
        installation.wait_for_status(token, installation.submit(token, steps=1), "SUCCESS")
        yield installation
    finally:
        installation.stop_all()


def longest_wait_s(installation: Installation) -> float:
    """The longest of three waits for a start, with an idle worker."""
    token = installation.new_token()
    waits = []
    for _ in range(3):
        job_id = installation.submit(token, steps=2)
        installation.wait_for_status(token, job_id, "SUCCESS")
        (waited,) = installation.row(job_id, "claimed_at - created_at")
        waits.append(waited.total_seconds())
    return max(waits)


def test_jobs_start_at_once_when_the_bell_goes_past_the_pooler(
    tmp_path: Path, direct_url: str
) -> None:
    with (
        pooled(direct_url) as url,
        served(tmp_path, url, IMAGEN_LISTEN_URL=direct_url) as installation,
    ):
        assert longest_wait_s(installation) < AT_ONCE_S
        assert "Traceback" not in installation.log_path.read_text()


def test_jobs_start_by_the_backstop_when_the_pooler_keeps_the_bell(
    tmp_path: Path, direct_url: str
) -> None:
    with pooled(direct_url) as url, served(tmp_path, url) as installation:
        assert longest_wait_s(installation) < BY_BACKSTOP_S
        assert "Traceback" not in installation.log_path.read_text()
