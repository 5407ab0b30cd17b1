"""The painter: what a scene names is seen where it belongs, and as much of it as the scene says."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.miniature.scenes.brush import Canvas, Frame
from generation.miniature.scenes.moods import mood_of
from generation.miniature.scenes.painter import paint
from generation.miniature.scenes.scene import (
    ANYWHERE,
    FLYING,
    LIGHT_THINGS,
    ODDS,
    SHAPES,
    Scene,
    draw_scene,
)
from generation.miniature.scenes.setting import FORMS, Setting
from generation.spec.world import CONCEPTS, LIGHTS, PLACES, THINGS

Picture = NDArray[np.uint8]
Rows = tuple[float, float]  # of the height, from above

COUNT = 3000
AMOUNTS = (0.4, 1.0, 1.6)
SEEDS = range(3)
WHERE: dict[str, tuple[str, str, Rows]] = {
    "snow": ("day", "mountains", (0.3, 0.7)),
    "stars": ("night", "sea", (0.0, 0.45)),
    "moon": ("night", "sea", (0.05, 0.3)),
    "aurora": ("night", "sea", (0.0, 0.45)),
    "lightning": ("storm", "sea", (0.0, 0.5)),
    "clouds": ("day", "sea", (0.0, 0.45)),
    "neon": ("night", "city", (0.3, 0.75)),
    "ship": ("day", "sea", (0.35, 0.7)),
    "pyramid": ("sunset", "desert", (0.4, 0.55)),
    "lake": ("day", "castle", (0.85, 1.0)),
    "fog": ("night", "forest", (0.55, 0.75)),
    "dragon": ("day", "meadow", (0.05, 0.45)),
    "birds": ("day", "meadow", (0.1, 0.4)),
    "balloon": ("dawn", "meadow", (0.15, 0.5)),
    "waterfall": ("day", "mountains", (0.5, 0.9)),
    "islands": ("day", "sea", (0.1, 0.5)),
    "lighthouse": ("day", "sea", (0.2, 0.7)),
    "rainbow": ("day", "meadow", (0.1, 0.45)),
}
"""A light, a place and the rows in which each thing is seen."""
ELSEWHERE: dict[str, Rows] = {
    "ship": (0.0, 0.15),
    "lake": (0.0, 0.75),
    "dragon": (0.7, 1.0),
    "birds": (0.6, 1.0),
    "balloon": (0.75, 1.0),
    "waterfall": (0.0, 0.3),
    "lighthouse": (0.9, 1.0),
}
"""Rows that a thing leaves alone, of those that are painted after the place."""


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(number) for number in range(COUNT)]


def shown(light: str, place: str, seed: int = 1, strength: float = 1.0, **things: float) -> Picture:
    scene = Scene(light=light, place=place, seed=seed, strength=strength, things=things)
    return paint(scene)


def rows(picture: Picture, span: Rows) -> NDArray[np.float64]:
    top, foot = (round(share * len(picture)) for share in span)
    return picture[top:foot].astype(float) / 255


def white_share(picture: Picture) -> float:
    return float(np.mean((picture.min(axis=-1) > 190) & (np.ptp(picture, axis=-1) < 45)))


def components(mask: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """The places (row, column) of each group of neighbouring pixels."""
    left = {tuple(place) for place in np.argwhere(mask).tolist()}
    groups = []
    while left:
        group, open_ends = [], [left.pop()]
        while open_ends:
            row, column = open_ends.pop()
            group.append((row, column))
            near = {(row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            open_ends += near
        groups.append(np.array(group))
    return groups


@pytest.mark.parametrize(("width", "height"), sorted(set(SHAPES)))
@pytest.mark.parametrize("place", PLACES)
def test_every_picture_has_its_size_and_some_contrast(place, width, height):
    scene = Scene(light="dawn", place=place, seed=2, width=width, height=height)
    picture = paint(scene)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 10


@pytest.mark.parametrize("number", [5, 6, 7, 8])
def test_the_same_scene_is_the_same_picture_and_another_is_not(number):
    first = paint(draw_scene(number))
    assert np.array_equal(first, paint(draw_scene(number)))
    assert not np.array_equal(first, paint(draw_scene(number + len(SHAPES))))


@pytest.mark.parametrize("thing", THINGS)
def test_a_thing_is_seen_where_it_belongs(thing):
    light, place, span = WHERE[thing]
    for seed in SEEDS:
        bare, full = (shown(light, place, seed, **things) for things in ({}, {thing: 1.0}))
        change = np.abs(rows(full, span) - rows(bare, span)).max(axis=-1)
        assert np.mean(change > 0.08) > 0.01
        if thing in ELSEWHERE:
            left_alone = ELSEWHERE[thing]
            assert np.abs(rows(full, left_alone) - rows(bare, left_alone)).max() < 0.01


@pytest.mark.parametrize("place", ["mountains", "forest", "castle"])
def test_more_snow_is_whiter(place):
    shares = [np.mean([white_share(shown("day", place, seed)) for seed in SEEDS])]
    for amount in AMOUNTS:
        pictures = [shown("day", place, seed, snow=amount) for seed in SEEDS]
        shares.append(np.mean([white_share(picture) for picture in pictures]))
    assert np.all(np.diff(shares) > 0.004), shares


def test_more_stars_are_more():
    span = WHERE["stars"][2]
    shares = [
        np.mean([rows(shown("night", "sea", seed, stars=amount), span) > 0.7 for seed in SEEDS])
        for amount in AMOUNTS
    ]
    assert all(more > 1.5 * less > 0 for less, more in pairwise(shares)), shares


def test_more_fog_hides_more():
    span = WHERE["fog"][2]
    contrasts = [np.mean([rows(shown("day", "forest", seed), span).std() for seed in SEEDS])]
    for amount in AMOUNTS:
        pictures = [shown("day", "forest", seed, fog=amount) for seed in SEEDS]
        contrasts.append(np.mean([rows(picture, span).std() for picture in pictures]))
    assert all(more < 0.9 * less for less, more in pairwise(contrasts)), contrasts


@pytest.mark.parametrize("place", PLACES)
def test_nights_are_darker_than_days_and_strong_ones_are_the_darkest(place):
    day = shown("day", place).mean()
    faint, plain, strong = (shown("night", place, strength=by).mean() for by in (0.5, 1.0, 1.5))
    assert day > faint > plain > strong
    assert plain < 0.6 * day


def test_no_star_is_smaller_than_four_pixels():
    span = WHERE["stars"][2]
    bare = rows(shown("night", "sea"), span)
    with_stars = rows(shown("night", "sea", stars=1.0), span)
    stars = components((with_stars - bare).mean(axis=-1) > 0.15)
    assert len(stars) > 10
    for star in stars:
        assert np.ptp(star, axis=0).min() + 1 >= 4
        assert len(star) >= 12


def test_waterfalls_fall_on_either_side():
    def brightest_half(seed: int) -> str:
        scene = Scene(light="night", place="forest", things={"waterfall": 1.6}, seed=seed)
        bright = paint(scene).min(axis=-1) > 120
        return "left" if bright[:, :128].sum() > bright[:, 128:].sum() else "right"

    assert {brightest_half(seed) for seed in range(12)} == {"left", "right"}


def test_a_number_always_draws_the_same_scene(scenes):
    assert [draw_scene(number) for number in range(0, COUNT, 50)] == scenes[::50]
    assert len({scene.seed for scene in scenes}) == COUNT
    assert [(scene.width, scene.height) for scene in scenes[:4]] == list(SHAPES)


def test_every_concept_is_drawn(scenes):
    seen = Counter(concept for scene in scenes for concept in scene.amounts)
    assert set(seen) == set(CONCEPTS)
    assert min(seen.values()) >= 20


def test_things_are_drawn_only_where_they_may_be(scenes):
    for scene in scenes:
        for thing in scene.things:
            assert thing in ANYWHERE or thing in ODDS or thing in LIGHT_THINGS
            assert thing not in ODDS or scene.place in ODDS[thing]
            assert thing not in LIGHT_THINGS or scene.light in LIGHT_THINGS[thing]
        assert sum(thing in scene.things for thing in FLYING) <= 1
        assert not (scene.light == "storm" and "balloon" in scene.things)


def test_things_are_drawn_as_often_as_they_should(scenes):
    odds = [(thing, place, odd) for thing in ODDS for place, odd in ODDS[thing].items()]
    odds += [
        (thing, light, odd) for thing in LIGHT_THINGS for light, odd in LIGHT_THINGS[thing].items()
    ]
    for thing, where, odd in odds:
        if thing == "lighthouse":
            continue  # half of those beside a ship are left out
        there = [thing in scene.things for scene in scenes if where in (scene.place, scene.light)]
        assert abs(np.mean(there) - odd) < 0.09, (thing, where)


def test_amounts_are_few_within_their_bounds_and_most_often_plain(scenes):
    amounts = [amount for scene in scenes for amount in scene.things.values()]
    strengths = [scene.strength for scene in scenes]
    tones = [scene.palette_amount for scene in scenes]
    for drawn, most in ((amounts, 1.6), (strengths, 1.6), (tones, 1.4)):
        assert {round(amount * 5) for amount in drawn} == set(range(2, round(most * 5) + 1))
        assert np.allclose(np.array(drawn) * 5, np.round(np.array(drawn) * 5))
        assert np.mean(np.array(drawn) == 1.0) > 0.5


def test_every_light_has_a_sky_of_its_own():
    skies = np.array([rows(shown(light, "sea"), (0.0, 0.5)).mean(axis=(0, 1)) for light in LIGHTS])
    apart = np.abs(skies[:, None] - skies[None]).sum(axis=-1) + np.eye(len(LIGHTS))
    assert apart.min() > 0.15


def setting_with(**amounts: float) -> Setting:
    lots = np.random.default_rng(1)
    mood = mood_of(Scene(light="day", place="sea", seed=1), lots)
    return Setting(
        canvas=Canvas(16, 16),
        mood=mood,
        lots=lots,
        rng=lots,
        amounts=amounts,
        horizon=0.5,
        light_x=0.5,
    )


def test_a_count_grows_by_one_at_each_step():
    settings = [setting_with(balloon=amount) for amount in (0.4, 0.84, 0.85, 1.0, 1.35, 1.6)]
    counts = [setting.count("balloon", 0.85, 1.35) for setting in settings]
    assert counts == [1, 1, 2, 2, 3, 3]


def test_each_part_has_a_few_forms_of_its_own():
    setting = setting_with()
    forms = {
        name: {setting.part(name).rng.random() for _ in range(20 * FORMS)}
        for name in ("castle", "dragon")
    }
    assert [len(each) for each in forms.values()] == [FORMS, FORMS]
    assert not forms["castle"] & forms["dragon"]


def test_a_frame_keeps_sizes_in_every_format_and_mirrors_and_tilts():
    for width, height in set(SHAPES):
        canvas = Canvas(width, height)
        ((x, y),) = Frame(canvas, 0.5, 0.5, 0.2, way=-1, tilt=0.5).place([(1.0, 0.0)])
        assert (x - 0.5) * width == pytest.approx(-0.2 * canvas.unit)
        assert (y - 0.5) * height == pytest.approx(0.1 * canvas.unit)
