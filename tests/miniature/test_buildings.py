"""Castles, cities and elven cities: the same for the same seed, in every format and light."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.random import Generator

from generation.miniature.scenes.brush import Canvas, Field
from generation.miniature.scenes.castle import castle
from generation.miniature.scenes.city import city
from generation.miniature.scenes.elves import elves
from generation.miniature.scenes.moods import MOODS, Mood
from generation.miniature.scenes.setting import Setting

Place = Callable[[Canvas, Mood, Generator, Mapping[str, float]], None]
SEEDS = range(3)
AMOUNTS = (0.0, 0.35, 1.0, 1.7)


def elven(canvas: Canvas, mood: Mood, rng: Generator, amounts: Mapping[str, float]) -> None:
    """An elven city, its side and colours drawn by the same lots as its form."""
    elves(
        Setting(
            canvas=canvas, mood=mood, lots=rng, rng=rng, amounts=amounts, horizon=0.78, light_x=0.5
        )
    )


each_place = pytest.mark.parametrize("place", [castle, city, elven])


def paint(
    place: Place, light: str, seed: int, size: tuple[int, int] = (256, 256), **amounts
) -> Field:
    canvas, mood = Canvas(*size), MOODS[light]
    canvas.pixels[:] = mood.horizon
    place(canvas, mood, np.random.default_rng(seed), amounts)
    return canvas.pixels


def white_share(pixels: Field) -> float:
    return float(np.mean((pixels.min(axis=-1) > 0.72) & (np.ptp(pixels, axis=-1) < 0.12)))


def neon_share(pixels: Field) -> float:
    """Of what is bright, saturated and not as warm as a window."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    is_vivid = (pixels.max(axis=-1) > 0.55) & (np.ptp(pixels, axis=-1) > 0.35)
    return float(np.mean(is_vivid & (blue > np.minimum(red, green) + 0.3)))


@each_place
@pytest.mark.parametrize("light", MOODS)
def test_the_same_seed_paints_the_same_and_another_does_not(place, light):
    first, again, other = (paint(place, light, seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@each_place
@pytest.mark.parametrize("size", [(256, 256), (320, 192), (192, 320)])
def test_every_format_is_filled_with_proper_colours(place, size):
    for seed in SEEDS:
        pixels = paint(place, "sunset", seed, size, snow=1.0, neon=1.7)
        assert pixels.shape == (size[1], size[0], 3)
        assert pixels.dtype == np.float32
        assert np.isfinite(pixels).all()
        assert pixels.min() >= -0.001
        assert pixels.max() <= 1.001


@each_place
def test_night_is_darker_than_day(place):
    for seed in SEEDS:
        assert paint(place, "night", seed).mean() < 0.6 * paint(place, "day", seed).mean()


@pytest.mark.parametrize("place", [castle, city])
def test_windows_are_lit_only_in_the_dark(place):
    def warmth(light: str) -> float:
        red, _, blue = np.moveaxis(paint(place, light, 1), -1, 0)
        return float(np.mean((red > 0.8) & (red > blue + 0.25)))

    assert warmth("night") > max(0.002, 2 * warmth("day"))


def test_more_snow_is_whiter():
    shares = [
        np.mean([white_share(paint(castle, "day", seed, snow=amount)) for seed in SEEDS])
        for amount in AMOUNTS[1:]
    ]
    shares.insert(0, np.mean([white_share(paint(castle, "day", seed)) for seed in SEEDS]))
    assert np.all(np.diff(shares) > 0.01), shares


@pytest.mark.parametrize("light", ["day", "night"])
def test_more_neon_is_more_vivid(light):
    for seed in SEEDS:
        plain = neon_share(paint(city, light, seed))
        shares = [neon_share(paint(city, light, seed, neon=amount)) for amount in AMOUNTS[1:]]
        assert plain < 0.002
        assert np.all(np.diff([plain, *shares]) > 0.002), shares


@pytest.mark.parametrize("place", [castle, city])
def test_an_amount_changes_no_place(place):
    """More snow or neon is laid upon the same castle and the same city."""
    plain = paint(place, "day", 5)
    much = paint(place, "day", 5, snow=0.35, neon=0.35)
    assert np.mean(np.abs(plain - much).max(axis=-1) < 0.1) > 0.5
