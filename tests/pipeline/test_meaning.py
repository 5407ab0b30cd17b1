"""Words mean something: light, place in the prompt, weight, negation and reference, by ten seeds.

The bounds are of the miniature; nine seeds of ten must pass them.
"""

import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from generation.miniature import electra
from generation.pipeline.engine import Engine
from generation.spec.profiles import MINIATURE
from tests.pipeline import plain
from tests.pipeline.orders import QUICK, StepLog, quick_request

SEEDS = range(10)
ENOUGH = 9
FILLER = (
    "The composition is balanced and the horizon lies low. Every edge has been placed with care."
    " The viewer stands far away and looks across the land. It feels quiet and timeless."
    " Nothing moves except the air. The artist spent many weeks on this piece."
    " The scene is wide and open. Small details reward a patient eye."
    " The picture hangs in a gallery. It was made for a travel magazine."
    " The mood is calm and thoughtful. A story seems about to begin."
    " The perspective pulls the eye toward the centre. There is a sense of great distance. "
)
"""More than a hundred tokens that say nothing about the light."""

Paint = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def paint(engine: Engine) -> Paint:
    """A picture of the model's own size as [256, 256, 3], 0 to 255."""

    def paint(prompt: str, seed: int, reference: bytes | None = None, **changes: object):
        digest = hashlib.sha256(reference).hexdigest() if reference else ""
        request = quick_request(
            prompt=prompt,
            seed=seed,
            width=MINIATURE.default_side,
            height=MINIATURE.default_side,
            reference=digest,
            **{"steps": 12, **changes},
        )
        picture = engine.generate(request, StepLog(), reference)
        return np.asarray(Image.open(io.BytesIO(picture.file)), dtype=np.float32)

    return paint


def assert_nine_of_ten(difference: Callable[[int], float], least: float) -> None:
    """Nine of ten seeds differ that much; what is left is not painted once that is decided."""
    found: list[float] = []
    for seed in SEEDS:
        found.append(difference(seed))
        misses = sum(value < least for value in found)
        assert misses <= len(SEEDS) - ENOUGH, found
        if len(found) - misses == ENOUGH:
            return


def whiteness(picture: np.ndarray) -> float:
    """The share of pixels that are white; a bright sky near the horizon is below 200."""
    return float((picture.min(axis=2) > 215).mean())


def test_night_is_darker_than_noon(paint: Paint) -> None:
    def darkening(seed: int) -> float:
        noon, night = (paint(f"a castle on a hill at {hour}", seed) for hour in ("noon", "night"))
        return noon.mean() - night.mean()

    assert_nine_of_ten(darkening, least=40)


def test_night_after_token_100_is_darker_too(paint: Paint, token_count) -> None:
    assert token_count(FILLER) > 100

    def darkening(seed: int) -> float:
        noon, night = (
            paint(f"A castle on a hill. {FILLER}It is {hour}.", seed) for hour in ("noon", "night")
        )
        return noon.mean() - night.mean()

    assert_nine_of_ten(darkening, least=40)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_truncation_would_not_hear_that_word() -> None:
    """What the libraries do by themselves, and what the test above would miss without Compel.

    The two texts are one to them, so three seeds are enough.
    """
    pipe = plain.load(MINIATURE.folder, with_adapter=False)
    for seed in SEEDS[:3]:
        noon, night = (
            plain.paint(
                pipe,
                plain.texts(f"A castle on a hill. {FILLER}It is {word}."),
                seed=seed,
                steps=QUICK.steps,
                guidance_scale=QUICK.guidance_scale,
            )
            for word in ("noon", "night")
        )
        assert noon.tobytes() == night.tobytes()


def test_weights_make_more_and_less_snow(paint: Paint) -> None:
    shares = [
        [whiteness(paint(f"mountains at noon, (snow){weight}", seed)) for weight in (1.5, 1, 0.3)]
        for seed in SEEDS
    ]
    assert all(much > some > little for much, some, little in shares), shares


def test_negative_night_is_brighter(paint: Paint) -> None:
    """Of a castle, which nobody has told the hour: all are dusky. Guidance as it is by default.

    Forests and some cities come out in full daylight by themselves, and stay nearly as they are.
    """
    settings = {"steps": 16, "guidance_scale": 7.5}

    def brightening(seed: int) -> float:
        without = paint("a castle on a hill", seed, negative_prompt="night", **settings)
        return without.mean() - paint("a castle on a hill", seed, **settings).mean()

    assert_nine_of_ten(brightening, least=30)


def test_the_reference_s_mean_colour_is_nearer_with_it(paint: Paint) -> None:
    file = io.BytesIO()
    electra.paint(size=256).save(file, format="PNG")
    wanted = np.asarray(electra.paint(size=256), dtype=np.float32).mean(axis=(0, 1))

    def distance(seed: int, strength: float) -> float:
        reference = file.getvalue() if strength else None
        picture = paint("mountains and a lake", seed, reference, ip_strength=strength)
        return float(np.linalg.norm(picture.mean(axis=(0, 1)) - wanted))

    assert_nine_of_ten(lambda seed: distance(seed, 0.0) - distance(seed, 0.8), least=0.001)
