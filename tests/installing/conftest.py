"""A local hub, clones of tiny repositories, and folders to install into."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import close_session

from generation.installing.installer import install
from generation.installing.recipe import BASE
from generation.spec import profiles
from generation.spec.profiles import ModelProfile
from tests.installing.files import NO_TIME, PIECE
from tests.installing.hub_server import HubServer
from tests.installing.tiny_sdxl import write_repositories


@pytest.fixture(scope="session")
def clones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Installing from them makes hard links: never write into an installed file."""
    return write_repositories(tmp_path_factory.mktemp("clones"))


@pytest.fixture
def hub(
    clones: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HubServer]:
    """The only hub that the client knows; its cache is empty, its retries do not wait."""
    with HubServer() as server:
        for repository, clone in clones.items():
            server.publish_folder(repository, clone)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", PIECE)
        monkeypatch.setattr(file_download, "time", NO_TIME)
        yield server
        close_session()


@pytest.fixture
def profile(tmp_path: Path) -> ModelProfile:
    return profiles.sdxl(tmp_path / "models")


@pytest.fixture
def installed(clones: dict[str, Path], profile: ModelProfile) -> ModelProfile:
    """SDXL in a folder that may be damaged, file by file."""
    install("sdxl", profile.folder, from_folder=clones[BASE].parent, is_quiet=True)
    return profile


@pytest.fixture
def models_dir(settings: Any, profile: ModelProfile) -> Path:
    """Where the command installs."""
    settings.IMAGEN_MODELS_DIR = profile.folder.parent
    return profile.folder.parent
