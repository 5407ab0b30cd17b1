"""What the miniature gives back is found by its number, and made once."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from generation.miniature.scenes.scene import SHAPES
from generation.miniature.training import softened


class Numbering:
    """Stands in for the artist: what it makes is grey, as bright as the number."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.origin = "of the test"

    def digest(self, numbers: Sequence[int]) -> str:
        return str(len(numbers))

    def make(self, way: str, numbers: Sequence[int]) -> NDArray[np.uint8]:
        self.made.extend(numbers)
        return np.stack([np.full((128, 128, 3), number, np.uint8) for number in numbers])


NUMBERS = [3, 4, 5, 200, 201]


def test_a_softened_picture_is_found_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softened, "SHARD", 2)
    artist = Numbering()

    given = softened.Softened("redrawn", artist, tmp_path, NUMBERS)

    assert [int(given.pixels(number)[0, 0, 0]) for number in NUMBERS] == NUMBERS
    assert artist.made == NUMBERS


def test_only_what_is_missing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softened, "SHARD", 2)
    artist = Numbering()
    softened.Softened("redrawn", artist, tmp_path, NUMBERS)
    (second,) = tmp_path.glob("*/redrawn-00002.npy")
    second.unlink()
    artist.made.clear()

    given = softened.Softened("redrawn", artist, tmp_path, NUMBERS)

    assert artist.made == [5, 200]
    assert int(given.pixels(200)[0, 0, 0]) == 200


def test_a_picture_keeps_its_place_whatever_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of one shape are made together; what is made is grey, as bright as the number."""
    artist = softened.Artist(Numbering(), tmp_path, tmp_path)
    artist._latents = SimpleNamespace(batch=torch.tensor)
    monkeypatch.setattr(softened, "MADE_AT_ONCE", 2)
    draws: list[float] = []

    def grey(latents: torch.Tensor, rng: np.random.Generator) -> list[Image.Image]:
        draws.append(rng.random())
        assert len({number % len(SHAPES) for number in latents.tolist()}) == 1
        return [Image.new("RGB", (8, 8), (number,) * 3) for number in latents.tolist()]

    artist._redrawn = grey
    numbers = [*range(30, 45), 200]

    first = artist.make("redrawn", numbers)
    drawn_first = draws.copy()
    draws.clear()

    assert first[:, 64, 64, 0].tolist() == numbers
    assert (artist.make("redrawn", numbers) == first).all()
    assert draws == drawn_first


def test_another_model_has_another_digest(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    weights = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    digests = []
    for content in (b"one", b"two", b"two"):
        weights.write_bytes(content)
        digests.append(softened.Artist(Numbering(), tmp_path, tmp_path).digest(NUMBERS))

    assert digests[0] != digests[1] == digests[2]
