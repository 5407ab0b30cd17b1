"""The digest names the weights of the UNet, or nothing."""

import hashlib
from pathlib import Path

import pytest

from generation.pipeline.digest import unet_digest
from generation.spec.installation import InstalledFile, InstallRecord, write_record

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text("{}")
    (tmp_path / WEIGHTS).write_bytes(b"numbers")
    return tmp_path


def test_weights_are_read(folder: Path) -> None:
    assert unet_digest(folder) == hashlib.sha256(b"numbers").hexdigest()


def test_record_of_an_installed_model_spares_the_reading(folder: Path) -> None:
    files = [
        InstalledFile(path=path, size_bytes=7, sha256=digest, source="there")
        for path, digest in (("unet/config.json", "c0"), (WEIGHTS, "4f"), ("vae/x", "aa"))
    ]
    write_record(folder, InstallRecord(revisions={}, files=files))
    assert unet_digest(folder) == "4f"


def test_weights_in_several_files_have_none(folder: Path) -> None:
    (folder / "unet" / "more.safetensors").write_bytes(b"more")
    assert unet_digest(folder) == ""
    assert unet_digest(folder / "nowhere") == ""
