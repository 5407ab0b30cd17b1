"""The looks of the painted scenes: every one shows, and stays within the canvas."""

from itertools import pairwise

import numpy as np
import pytest

from generation.miniature.scenes.brush import noise
from generation.miniature.scenes.looks import Pixels, dress
from generation.miniature.scenes.scene import SHAPES, Scene
from generation.spec.world import PALETTES, STYLES

LOOKS = [{"palette": name} for name in PALETTES] + [{"style": name} for name in STYLES]
LOOKS += [{"palette": "teal", "style": name, "is_blurred": True} for name in STYLES]


def plain(width: int = 256, height: int = 256) -> Pixels:
    """A colourful picture with soft slopes and hard edges, seen at every brightness."""
    rng = np.random.default_rng(3)
    pixels = np.stack([noise(rng, (height, width), (4, 5), 4) for _ in range(3)], -1)
    pixels = pixels * 0.4 + np.linspace(0.1, 0.8, height, dtype=np.float32)[:, None, None]
    pixels[height // 4 : height // 2, width // 4 : width // 2] = (0.8, 0.2, 0.1)
    return np.clip(pixels, 0, 1)


def dressed(pixels: Pixels, seed: int = 1, **look) -> Pixels:
    height, width = pixels.shape[:2]
    scene = Scene(light="day", place="sea", seed=1, width=width, height=height, **look)
    return dress(pixels, scene, np.random.default_rng(seed))


def distance(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize(("width", "height"), sorted(set(SHAPES)))
def test_every_look_shows_and_is_a_picture_of_the_same_size(look, width, height):
    pixels = plain(width, height)
    before = pixels.copy()

    picture = dressed(pixels, **look)

    assert distance(picture, before) > 0.03
    assert picture.shape == pixels.shape
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert np.array_equal(pixels, before)
    assert np.array_equal(dressed(pixels, **look), picture)


def test_a_scene_without_a_look_stays_plain():
    assert np.array_equal(dressed(plain()), plain())


@pytest.mark.parametrize("palette", PALETTES)
def test_the_amount_of_a_palette_is_monotone(palette):
    amounts = (0.0, 0.35, 0.5, 0.75, 1.0, 1.25, 1.5)

    far = [
        distance(dressed(plain(), palette=palette, palette_amount=amount), plain())
        for amount in amounts
    ]

    assert far[0] == 0
    assert all(more > less * 1.01 for less, more in pairwise(far))


@pytest.mark.parametrize("style", STYLES)
def test_a_palette_still_shows_in_every_style(style):
    pictures = [dressed(plain(), style=style, palette=palette) for palette in PALETTES]
    colours = np.array([picture.mean((0, 1)) for picture in pictures])
    apart = np.abs(colours[:, None] - colours[None]).sum(-1) + np.eye(len(PALETTES))

    assert apart.min() > 0.05


def test_all_styles_differ_from_each_other():
    pictures = [dressed(plain(), style=style) for style in STYLES]

    assert all(
        distance(one, other) > 0.04
        for number, one in enumerate(pictures)
        for other in pictures[:number]
    )


@pytest.mark.parametrize("palette", [None, "purple"])
def test_pixels_are_blocks_on_the_grid_of_the_vae(palette):
    blocks = dressed(plain(320, 192), style="pixel", palette=palette).reshape(24, 8, 40, 8, 3)

    assert np.array_equal(blocks, np.broadcast_to(blocks[:, :1, :, :1], blocks.shape))


def test_mono_has_almost_no_colour():
    picture = dressed(plain(), palette="mono", palette_amount=1.5)

    assert (picture.max(-1) - picture.min(-1)).mean() < 0.03


def test_blur_softens_the_edges_and_draws_its_radius():
    pixels = plain()
    blurred = dressed(pixels, is_blurred=True)

    assert np.abs(np.diff(blurred, axis=1)).max() < 0.25 * np.abs(np.diff(pixels, axis=1)).max()
    assert not np.array_equal(blurred, dressed(pixels, seed=2, is_blurred=True))
