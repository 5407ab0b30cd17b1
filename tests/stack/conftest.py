"""An installation a module, a worker a test."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagen_site.embedded_postgres import join, locate, server
from tests.stack.embedded import kill_server, open_folder
from tests.stack.harness import Installation, crew_of, open_installation, wait_for


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Web on a new database of the suite's server."""
    with open_installation(tmp_path_factory.mktemp("stack")) as made:
        yield made


@pytest.fixture(scope="module")
def tokens(installation: Installation) -> Iterator[str]:
    """Of users that nobody else uses; a few are made at once, which starts Django once for all."""
    return (token for _ in itertools.count() for token in installation.new_tokens(12))


@pytest.fixture
def token(tokens: Iterator[str]) -> str:
    return next(tokens)


@pytest.fixture
def worker(installation: Installation) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor whose cluster is whole."""
    child = installation.start_worker()
    try:
        wait_for(lambda: len(crew_of(child)) == 5, limit_s=30, what="the cluster is whole")
        yield child
    finally:
        if child.poll() is None:
            installation.stop(child)


@pytest.fixture
def empty_media(installation: Installation) -> Path:
    for picture in installation.pictures():
        picture.unlink()
    return installation.media


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
