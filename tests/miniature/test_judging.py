"""What the judge and the image encoder learn from, and how thresholds are chosen."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.miniature.training import judging, vision
from generation.spec.world import CONCEPTS, STYLES

MOON = CONCEPTS.index("moon")
COLOURED = [CONCEPTS.index(name) for name in judging.COLOURED]
TEXTURED = [CONCEPTS.index(name) for name in judging.TEXTURED]
SHAPED = [i for i in range(len(CONCEPTS)) if i not in (*COLOURED, *TEXTURED)]


def chosen(present: list[float], absent: list[float], ignored: float | None = None) -> float:
    """The moon's threshold, where the net gives those presences to pictures with and without.

    ignored: a presence of those without that nobody is asked about.
    """
    shares = np.array([*present, *absent], np.float32)
    truth = np.arange(len(shares)) < len(present)
    counted = shares != (-1 if ignored is None else np.float32(ignored))
    columns = (1, len(CONCEPTS))
    tables = (np.tile(column[:, None], columns) for column in (shares, truth, counted))
    return judging.choose_thresholds(*tables)["moon"]


def test_a_threshold_parts_those_that_show_it_from_the_others() -> None:
    assert 0.2 < chosen([0.3, 0.4], [0.1, 0.2]) <= 0.3
    assert 0.7 < chosen([0.8, 0.9], [0.6, 0.7]) <= 0.8


def test_many_absent_ones_do_not_outvote_a_few_present_ones() -> None:
    assert chosen([0.45] * 4, [0.5] * 10 + [0.2] * 90) <= 0.45


def test_what_is_not_asked_moves_no_threshold() -> None:
    assert chosen([0.8], [0.2, 0.6], ignored=0.6) == chosen([0.8], [0.2])
    assert chosen([0.8], [0.2, 0.6]) > chosen([0.8], [0.2])


def test_balanced_is_the_mean_of_both_sides() -> None:
    said, truth = np.array([True, False, False, False]), np.array([True, True, False, False])

    assert judging.balanced(said, truth) == pytest.approx(0.75)
    assert judging.balanced(said[:2], truth[:2]) == pytest.approx(0.5)


def test_nobody_is_asked_about_what_was_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether colours or textures were changed shows in the flags, and shapes are always asked."""
    done: list[str] = []
    for name in ("soften", "recolour"):
        monkeypatch.setattr(judging, name, lambda seen, rng, name=name: done.append(name) or seen)
    pixels = np.full((16, 24, 3), 90, np.uint8)
    seen = set()

    for seed in range(24):
        done.clear()
        view = judging.disturb(pixels, np.random.default_rng(seed))
        assert view.pixels.shape == (128, 128, 3)
        assert view.asked[SHAPED].all()
        assert (view.asked[COLOURED] == ("recolour" not in done)).all()
        assert (view.asked[TEXTURED] == ("soften" not in done)).all()
        seen.add(tuple(done))

    assert seen == {(), ("soften",), ("recolour",), ("soften", "recolour")}


def test_nobody_asks_for_a_style_that_redrawing_took() -> None:
    sources = [
        judging.Source(name=name, pictures=SimpleNamespace(), numbers=range(1))
        for name in ("painted", *judging.WAYS)
    ]
    styled = [CONCEPTS.index(style) for style in STYLES]

    assert [source.asked[styled].all() for source in sources] == [True, True, False]
    assert not sources[-1].asked[styled].any()
    assert sources[-1].asked.sum() == len(CONCEPTS) - len(STYLES)
    view = judging.disturb(
        np.zeros((16, 16, 3), np.uint8), np.random.default_rng(0), sources[-1].asked
    )
    assert not view.asked[styled].any()


def test_fuller_colours_keep_their_grey() -> None:
    grey = np.full((4, 4, 3), 0.5, np.float32)
    red = np.tile(np.array([0.7, 0.3, 0.3], np.float32), (4, 4, 1))

    for seed in range(8):
        rng = np.random.default_rng(seed)
        assert np.ptp(judging.grade(grey, rng), axis=-1).max() < 1e-6
        spread = np.ptp(judging.grade(red, rng), axis=-1)
        assert 0.4 * 0.8 * 0.94 <= spread.min() <= spread.max() <= 0.4 * 1.25 * 1.06 + 1e-6


def test_every_way_of_softening_keeps_size_and_mode() -> None:
    image = judging.judge.shrink(judging.Image.new("RGB", (40, 30), "teal"))

    for seed in range(8):
        softened = judging.soften(image, np.random.default_rng(seed))
        assert (softened.size, softened.mode) == (image.size, "RGB")


def striped() -> NDArray[np.uint8]:
    """Black, grey and white squares side by side."""
    return np.repeat(np.repeat([[0, 128, 255]], 64, 1), 64, 0)[..., None].repeat(3, -1).astype("u1")


def test_the_encoder_sees_the_middle_square_or_the_cut() -> None:
    inner = (slice(8, -8), slice(8, -8))

    middle = vision.squeeze(striped())
    left = vision.squeeze(striped(), (0, 0, 64, 64))

    assert middle.shape == left.shape == (vision.SIDE, vision.SIDE, 3)
    assert (middle[inner] == 128).all()
    assert (left[inner] == 0).all()


def test_a_cut_is_a_square_within_the_picture() -> None:
    for seed in range(20):
        left, top, right, bottom = vision.random_cut(striped(), np.random.default_rng(seed))
        assert right - left == pytest.approx(bottom - top)
        assert vision.LEAST_CUT * 64 <= bottom - top <= 64
        assert left >= 0
        assert top >= 0
        assert right <= 192 + 1e-9
        assert bottom <= 64 + 1e-9
