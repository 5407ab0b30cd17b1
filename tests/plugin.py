"""Loaded before everything else: gives the suite a database of its own.

DATABASE_URL names a server to use; without it an embedded PostgreSQL in a temporary folder is
started. Either way the rows live in a test database that is made and dropped.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

_data_dir = Path(tempfile.mkdtemp(prefix="imagen-tests-"))
_data_dir.chmod(0o711)
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("IMAGEN_")]:
    del os.environ[_name]
os.environ["IMAGEN_DATA_DIR"] = str(_data_dir)
os.environ["IMAGEN_MEDIA_ROOT"] = str(_data_dir / "media")
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}  # two torches at once crawl


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Join the embedded server; leaving it comes before the folders are removed.

    Where several processes share the suite, each of them has a server; the one that hands out
    the tests needs none.
    """
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    from imagen_site import database_server, embedded_postgres

    socket_dir = embedded_postgres.locate(_data_dir).socket_dir
    atexit.register(shutil.rmtree, socket_dir, ignore_errors=True)
    database_server.join_if_embedded()
