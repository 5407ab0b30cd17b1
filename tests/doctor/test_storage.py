"""Folders: rights and room."""

import os
from pathlib import Path

import pytest

from generation.doctor import storage
from generation.doctor.finding import State, worst
from tests.doctor.found import only


@pytest.fixture(autouse=True)
def folders(settings, tmp_path: Path) -> Path:
    for name in ("MEDIA_ROOT", "IMAGEN_DATA_DIR", "IMAGEN_MODELS_DIR", "IMAGEN_LOCK_DIR"):
        setattr(settings, name, tmp_path / name.lower())
    return tmp_path


def examine() -> list:
    return list(storage.examine())


def test_folders_that_are_still_to_be_made_are_well(monkeypatch) -> None:
    monkeypatch.setattr(storage, "LOW_BYTES", 1)
    findings = examine()
    assert worst(findings) is State.OK
    assert "GB free in" in only(findings, "media").words


def test_looking_leaves_nothing_behind(folders) -> None:
    examine()
    assert list(folders.iterdir()) == []


@pytest.mark.parametrize("name", ["media", "data", "locks"])
def test_folder_that_cannot_be_written_is_bad(settings, name) -> None:
    setting = {"media": "MEDIA_ROOT", "data": "IMAGEN_DATA_DIR", "locks": "IMAGEN_LOCK_DIR"}[name]
    setattr(settings, setting, Path("/proc/nowhere"))  # where even root makes nothing
    found = only(examine(), name)
    assert found.state is State.BAD
    assert "/proc/nowhere cannot be used by this user" in found.words
    assert found.remedy.endswith(f"by {setting if 'IMAGEN' in setting else 'IMAGEN_MEDIA_ROOT'}")


def test_file_in_the_way_is_bad(settings, folders) -> None:
    (folders / "file").touch()
    settings.MEDIA_ROOT = folders / "file" / "media"
    assert "Not a directory" in only(examine(), "media").words


def test_folder_of_another_user_is_bad(folders, settings) -> None:
    closed = folders / "closed"
    closed.mkdir(mode=0)
    settings.MEDIA_ROOT = closed
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        found = only(examine(), "media")
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
    assert found.state is State.BAD
    assert f"{closed} cannot be used by this user: Permission denied" in found.words
    assert found.remedy.startswith(f"chown -R $(id -un) {closed}, ")


@pytest.mark.parametrize(
    ("limit", "state"), [("LOW_BYTES", State.WARNING), ("SCARCE_BYTES", State.BAD)]
)
def test_little_room_is_told(monkeypatch, limit, state) -> None:
    monkeypatch.setattr(storage, limit, 1 << 60)
    found = only(examine(), "media")
    assert found.state is state
    assert found.remedy.startswith("du -xh ")


@pytest.mark.parametrize(
    ("limit", "state"), [("LOW_FILES", State.WARNING), ("SCARCE_FILES", State.BAD)]
)
def test_few_inodes_are_told(monkeypatch, limit, state) -> None:
    monkeypatch.setattr(storage, "LOW_FILES", 1 << 60)
    monkeypatch.setattr(storage, limit, 1 << 60)
    found = only(examine(), "media")
    if os.statvfs("/tmp").f_files == 0:
        pytest.skip("this file system has no inodes to count")
    assert found.state is state
    assert "more files only" in found.words
