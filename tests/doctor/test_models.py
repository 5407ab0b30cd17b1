"""The models' folders and the reference picture, whole and broken."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from generation.doctor import models
from generation.doctor.finding import State
from generation.spec.installation import InstalledFile, InstallRecord, hash_file, write_record
from generation.spec.profiles import MINIATURE
from tests.doctor.found import only

INSTALL = "manage.py install_profile sdxl"


@pytest.fixture
def sdxl(settings, tmp_path: Path) -> Path:
    """The miniature's files as an installed sdxl, which is the default."""
    settings.IMAGEN_MODELS_DIR = tmp_path
    settings.IMAGEN_PROFILE = "sdxl"
    folder = tmp_path / "sdxl"
    shutil.copytree(MINIATURE.folder, folder)
    files = tuple(
        InstalledFile(
            path=str(path.relative_to(folder)),
            size_bytes=path.stat().st_size,
            sha256=hash_file(path),
            source="a test",
        )
        for path in folder.rglob("*")
        if path.is_file()
    )
    write_record(folder, InstallRecord(revisions={}, files=files))
    return folder


def examine(**how: bool) -> list:
    return list(models.examine(**how))


def damage(path: Path) -> None:
    """Other contents of the same size."""
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    path.write_bytes(contents)


def test_the_bundled_model_is_whole_and_others_are_offered(settings, tmp_path) -> None:
    settings.IMAGEN_MODELS_DIR = tmp_path
    findings = examine()
    assert only(findings, "model").words.startswith("miniature, the default, is whole: 6 files")
    assert only(findings, "more").state is State.OK
    assert "sdxl" in only(findings, "more").words


def test_default_that_is_not_installed_is_bad_and_comes_first(settings, tmp_path) -> None:
    settings.IMAGEN_MODELS_DIR = tmp_path
    settings.IMAGEN_PROFILE = "sdxl"
    first, second, *_others = examine()
    assert (first.state, first.remedy) == (State.BAD, INSTALL)
    assert first.words == "sdxl, the default, is not installed"
    assert second.words.startswith("miniature is whole")


def test_installed_model_is_compared_with_its_record(sdxl) -> None:
    first, *_others = examine()
    assert first.state is State.OK
    assert "sizes as recorded" in first.words


@pytest.mark.parametrize("how", ["missing", "cut off"])
def test_file_that_is_not_as_recorded_is_bad(sdxl, how) -> None:
    weights = sdxl / "unet" / "diffusion_pytorch_model.safetensors"
    if how == "missing":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:-9])
    first, *_others = examine()
    assert (first.state, first.remedy) == (State.BAD, INSTALL)
    assert "unet/diffusion_pytorch_model.safetensors is" in first.words


def test_damage_that_keeps_the_size_is_found_by_a_deep_look_alone(sdxl) -> None:
    damage(sdxl / "vae" / "diffusion_pytorch_model.safetensors")
    assert examine()[0].state is State.OK
    found = examine(is_deep=True)[0]
    assert (found.state, found.remedy) == (State.BAD, INSTALL)
    assert "SHA-256" in found.words


def test_whole_model_passes_a_deep_look(sdxl) -> None:
    assert "contents as recorded" in examine(is_deep=True)[0].words


def test_damage_of_a_model_that_nobody_asked_for_is_a_warning(settings, sdxl) -> None:
    settings.IMAGEN_PROFILE = "miniature"
    (sdxl / "model_index.json").unlink()
    assert examine()[1].state is State.WARNING


def test_pickle_is_bad_with_the_command_that_removes_it(sdxl) -> None:
    pickle = sdxl / "unet" / "old weights.ckpt"
    pickle.touch()
    first, *_others = examine()
    assert first.state is State.BAD
    assert "holds unet/old weights.ckpt, which could run code" in first.words
    assert f"rm '{pickle}'" in first.remedy


def test_record_that_cannot_be_read_is_bad(sdxl) -> None:
    (sdxl / "imagen.json").write_text("{")
    first, *_others = examine()
    assert (first.state, first.remedy) == (State.BAD, INSTALL)


def test_pointer_in_place_of_weights_is_bad(settings, tmp_path) -> None:
    """As a clone without Git LFS leaves it."""
    folder = tmp_path / "own"
    shutil.copytree(MINIATURE.folder, folder)
    settings.IMAGEN_PROFILE = f"path:{folder}"
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_text("version https://git-lfs.github.com/spec/v1\n")
    first, *_others = examine()
    assert first.state is State.BAD
    assert first.words.startswith("path:own, the default, cannot be read: unet/diff")
    assert first.remedy == "Copy the whole folder again, in diffusers layout."


def test_reference_is_told_with_its_size(settings, tmp_path) -> None:
    settings.IMAGEN_REFERENCE_DIR, settings.IMAGEN_REFERENCE = tmp_path, "own.png"
    Image.new("RGB", (30, 20)).save(tmp_path / "own.png")
    assert only(examine(), "reference").words == "own.png, 30 x 20 px"


@pytest.mark.parametrize("contents", [None, b"GIF89a"])
def test_reference_that_is_none_is_told(settings, tmp_path, contents) -> None:
    settings.IMAGEN_REFERENCE_DIR, settings.IMAGEN_REFERENCE = tmp_path, "own.png"
    if contents:
        (tmp_path / "own.png").write_bytes(contents)
    found = only(examine(), "reference")
    assert found.state is State.WARNING
    assert "IMAGEN_REFERENCE" in found.remedy
