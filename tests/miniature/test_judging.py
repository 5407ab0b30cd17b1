"""What the judge and the image encoder learn from, and how thresholds are chosen."""

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.miniature.training import judging, vision
from generation.spec.world import CONCEPTS

MOON = CONCEPTS.index("moon")
COLOURED = [CONCEPTS.index(name) for name in judging.COLOURED]
BLUR = CONCEPTS.index("blur")
SHAPED = [i for i in range(len(CONCEPTS)) if i not in (*COLOURED, BLUR)]


def chosen(present: list[float], absent: list[float]) -> float:
    """The moon's threshold, where the net gives those presences to pictures with and without."""
    shares = np.array([*present, *absent], np.float32)
    truth = np.arange(len(shares)) < len(present)
    columns = (1, len(CONCEPTS))
    return judging.choose_thresholds(
        np.tile(shares[:, None], columns), np.tile(truth[:, None], columns)
    )["moon"]


def test_a_threshold_parts_those_that_show_it_from_the_others() -> None:
    assert 0.2 < chosen([0.3, 0.4], [0.1, 0.2]) <= 0.3
    assert 0.7 < chosen([0.8, 0.9], [0.6, 0.7]) <= 0.8


def test_many_absent_ones_do_not_outvote_a_few_present_ones() -> None:
    assert chosen([0.45] * 4, [0.5] * 10 + [0.2] * 90) <= 0.45


def test_balanced_is_the_mean_of_both_sides() -> None:
    said, truth = np.array([True, False, False, False]), np.array([True, True, False, False])

    assert judging.balanced(said, truth) == pytest.approx(0.75)
    assert judging.balanced(said[:2], truth[:2]) == pytest.approx(0.5)


def test_nobody_is_asked_about_what_was_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether colours or sharpness were changed shows in the flags, and shapes are always asked."""
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
        assert view.asked[BLUR] == ("soften" not in done)
        seen.add(tuple(done))

    assert seen == {(), ("soften",), ("recolour",), ("soften", "recolour")}


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
