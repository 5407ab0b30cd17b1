"""Another installation, a full disk, a folder that cannot be made."""

import fcntl
import types
from pathlib import Path

import pytest

from generation.installing import installer
from generation.installing.errors import InstallFailed
from generation.installing.recipe import BASE
from generation.spec import profiles
from generation.spec.profiles import ModelProfile
from tests.installing.files import run
from tests.installing.hub_server import HubServer


def test_a_second_installation_at_once_is_told(
    clones: dict[str, Path], profile: ModelProfile
) -> None:
    profile.folder.mkdir(parents=True)
    with (profile.folder / ".installing").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(InstallFailed, match="Another installation works in"):
            run(profile, from_folder=clones[BASE].parent)

    run(profile, from_folder=clones[BASE].parent)
    assert profile.is_installed


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    hub: HubServer, profile: ModelProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = types.SimpleNamespace(free=1_000_000)
    monkeypatch.setattr(installer.shutil, "disk_usage", lambda folder: usage)

    with pytest.raises(InstallFailed, match=r"room for 0\.0 GB.*set IMAGEN_MODELS_DIR"):
        run(profile)

    assert hub.sent == {}


def test_a_disk_that_fills_up_while_copying_is_told(
    clones: dict[str, Path], profile: ModelProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(installer.os, "link", refuse)
    monkeypatch.setattr(installer.shutil, "copyfile", refuse)

    with pytest.raises(InstallFailed, match="No space left"):
        run(profile, from_folder=clones[BASE].parent)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")

    with pytest.raises(InstallFailed, match="cannot be written"):
        run(profiles.sdxl(tmp_path / "models"))
