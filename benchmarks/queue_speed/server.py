"""A PostgreSQL of the benchmark's own: in a temporary folder, with fsync, counting statements."""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from imagen_site.embedded_postgres import join, locate

LOADED_ONLY_AT_START = {
    "shared_preload_libraries": "pg_stat_statements",
    "max_connections": "200",
    "max_wal_size": "8GB",  # a million rows are written without a checkpoint in the next figure
}


class Server:
    """A running server, its folder, and the address of its maintenance database."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = psycopg.conninfo.make_conninfo(url, dbname="postgres")

    def url_of(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(self.url, dbname=database)

    def create(self, database: str, *, template: str = "template1") -> str:
        """A new database, a copy of the template; its address."""
        self.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
        return self.url_of(database)

    def execute(self, statement: str, *values: object) -> list[tuple]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def temporary_server() -> Iterator[Server]:
    """Started for the benchmark alone; folder and server are gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="imagen-bench-"))
    folder.chmod(0o711)
    data_dir = folder / "data"
    try:
        with join(data_dir) as membership:
            server = Server(folder, membership.url)
            for name, value in LOADED_ONLY_AT_START.items():
                server.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        with join(data_dir) as membership:
            server.execute("CREATE EXTENSION pg_stat_statements")
            assert server.execute("SHOW fsync") == [("on",)]
            yield server
    finally:
        where = locate(data_dir)
        for leftover in (where.socket_dir, where.home, folder):
            shutil.rmtree(leftover, ignore_errors=True)


def measure_fsync(folder: Path, times: int = 100) -> float:
    """Median of the milliseconds that the disk takes for 8 kB: what a commit waits for."""
    taken = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)
