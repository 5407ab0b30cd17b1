"""A harmed installation is not loaded."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from generation.installing.recipe import BASE
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.spec.errors import ModelUnavailable
from generation.spec.profiles import ModelProfile
from tests.installing.files import COMMAND, UNET, flip_a_byte, rewrite, run


def cut_off(path: Path) -> None:
    rewrite(path, path.read_bytes()[:-1000])


def pickle(path: Path) -> None:
    path.unlink()
    torch.save({}, path)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (flip_a_byte, "is damaged: its SHA-256"),
        (cut_off, "is damaged: .* bytes instead of"),
        (Path.unlink, "is missing"),
        (pickle, "is damaged"),
    ],
)
def test_a_harmed_file_is_not_loaded(
    installed: ModelProfile, harm: Callable[[Path], None], words: str
) -> None:
    harm(installed.folder / UNET)

    with pytest.raises(ModelUnavailable, match=f"{UNET} {words}.* Run {COMMAND}"):
        load_pipeline(installed, CPU)


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.bin", "sdxl.ckpt"])
def test_a_pickle_beside_the_files_is_not_loaded(installed: ModelProfile, name: str) -> None:
    torch.save({}, installed.folder / name)

    with pytest.raises(ModelUnavailable, match=f"holds {name}, which could run code"):
        load_pipeline(installed, CPU)


@pytest.mark.parametrize(
    "contents", [b"", b"\xff\xfe", b"[]", b'{"files": [{"path": 1}], "revisions": {}}']
)
def test_a_record_that_is_none_is_no_installation(installed: ModelProfile, contents: bytes) -> None:
    (installed.folder / "imagen.json").write_bytes(contents)

    assert not installed.is_installed
    with pytest.raises(ModelUnavailable, match=r"imagen\.json is no record of an installation"):
        load_pipeline(installed, CPU)


def test_a_damaged_record_is_written_anew(clones: dict[str, Path], installed: ModelProfile) -> None:
    (installed.folder / "imagen.json").write_bytes(b"\xff")

    run(installed, from_folder=clones[BASE].parent)

    assert installed.is_installed


def test_without_a_record_it_is_not_installed(installed: ModelProfile) -> None:
    (installed.folder / "imagen.json").unlink()

    assert not installed.is_installed
    with pytest.raises(ModelUnavailable, match=f"not installed. Run {COMMAND}"):
        load_pipeline(installed, CPU)
