"""Captions tell what is seen, and their encoder reads them as the service does."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch

from generation.miniature.scenes import captions, filling
from generation.miniature.scenes.captions import Piece, caption, plain, weighted
from generation.miniature.scenes.scene import Scene, draw_scene
from generation.miniature.training import tokenizer
from generation.miniature.training.text import LENGTH, Reader, TextEncoder
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.pipeline.prompts import PromptEncoder
from generation.spec.profiles import MINIATURE
from generation.spec.weighting import read_fragments
from generation.spec.world import LIGHTS, PALETTES, STYLES, concepts_of

LOOK = frozenset(LIGHTS + PALETTES + STYLES)
SCENE = Scene(
    light="night",
    place="mountains",
    seed=1,
    strength=0.6,
    things={"snow": 1.5, "moon": 0.5, "fog": 1.1},
    palette="teal",
    style="ink",
)


def write(count: int, length: int = 1, scene: Scene | None = None) -> list[list[Piece]]:
    rng = np.random.default_rng(length)
    return [caption(scene or draw_scene(number), rng, length=length) for number in range(count)]


def named(pieces: list[Piece]) -> set[str]:
    return {piece.concept for piece in pieces if piece.concept}


def test_the_same_numbers_write_the_same_caption() -> None:
    assert write(20) == write(20)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_captions_name_what_is_seen_and_nothing_else(length: int) -> None:
    for number, pieces in enumerate(write(150, length)):
        assert concepts_of(plain(pieces)) == named(pieces) <= set(draw_scene(number).amounts)


def test_nearly_all_that_is_seen_is_named() -> None:
    counts = Counter(concept for pieces in write(400, 2, SCENE) for concept in named(pieces))

    assert set(counts) == set(SCENE.amounts)
    for concept, count in counts.items():
        least, most = (0.85, 0.95) if concept in (SCENE.light, SCENE.place) else (0.95, 1.0)
        assert least < count / 400 <= most, counts


def test_short_captions_leave_out_the_light_but_hardly_ever_a_thing() -> None:
    """Else a city at night, of which so many have neon, gets it unasked."""
    counts = Counter(concept for pieces in write(1000, 1, SCENE) for concept in named(pieces))
    assert counts[SCENE.light] < 850
    assert all(counts[thing] > 950 for thing in SCENE.things), counts


def test_weights_are_the_amounts_and_at_most_one_is_below_one() -> None:
    weights: dict[str, set[float]] = {}
    for pieces in write(200, 1, SCENE):
        assert sum(piece.weight < 1 for piece in pieces) <= 1
        for piece in pieces:
            weights.setdefault(piece.concept or "", set()).add(piece.weight)

    assert weights["snow"] == {1.0, 1.5}
    assert weights["moon"] == {1.0, 0.5}
    assert weights["night"] == {1.0, 0.6}
    assert weights["fog"] == weights["mountains"] == weights[""] == {1.0}


@pytest.mark.parametrize("length", [1, 2])
def test_the_look_can_be_left_out(length: int) -> None:
    rng = np.random.default_rng(3)
    texts = [
        plain(caption(draw_scene(number), rng, length=length, leave_out=LOOK))
        for number in range(100)
    ]

    assert not [text for text in texts if concepts_of(text) & LOOK]


def test_filling_names_no_concept() -> None:
    said = (
        *filling.COMMON, *filling.FRENCH_COMMON, *filling.STRANGERS, *filling.FRENCH_STRANGERS,
        *filling.TAGS, *filling.FRENCH_TAGS, *filling.SENTENCES, *filling.FRENCH_SENTENCES,
        *captions.LEADS, *captions.FRENCH_LEADS,
        *captions.CLAUSES, *captions.FRENCH_CLAUSES, *captions.JOINTS, *captions.FRENCH_JOINTS,
    )  # fmt: skip

    assert not [text for text in said if concepts_of(text)]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_compel_s_syntax_is_read_back_as_the_same_words_and_weights(length: int) -> None:
    for pieces in write(100, length):
        fragments = read_fragments(weighted(pieces))

        assert "".join(fragment.text for fragment in fragments).replace(" ", "") == plain(
            pieces
        ).replace(" ", "")
        weights = [piece.weight for piece in pieces if piece.text.strip()]
        assert [fragment.weight for fragment in fragments] == [
            weight for weight, _run in itertools.groupby(weights)
        ]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """One that knows the words of these captions."""
    tokenizer.build(folder := tmp_path_factory.mktemp("words"))
    return Reader(folder)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_captions_are_as_long_as_aimed_at(reader: Reader, length: int) -> None:
    chunks = [len(reader.read(pieces, 9).ids) for pieces in write(100, length)]

    assert sum(count == length for count in chunks) >= 90, Counter(chunks)


def test_the_encoder_equals_the_service_s() -> None:
    pipe = load_pipeline(MINIATURE, CPU)
    service, encoder = PromptEncoder(pipe, "cpu"), TextEncoder(MINIATURE.folder)
    texts = [pieces for length in (1, 2, 3) for pieces in write(10, length)]
    texts += [
        [],
        [Piece("deep snow", 0.5), Piece(" and "), Piece("moon", 0.7), Piece(", "), Piece("sea", 2)],
        [Piece("many words. " * 30), Piece("snow on a long way " * 9 + "home", 0.4)],
    ]
    with torch.inference_mode():
        for pieces in texts:
            wanted = service.encode(weighted(pieces), "")
            chunks = wanted.prompt_embeds.shape[1] // LENGTH
            (embeds, others), (pooled, _) = encoder.encode([pieces, []], chunks)
            padded = service.encode("", weighted(pieces)).prompt_embeds

            assert torch.allclose(embeds.cpu(), wanted.prompt_embeds[0], atol=1e-4)
            assert torch.allclose(pooled.cpu(), wanted.pooled_prompt_embeds[0], atol=1e-4)
            if pieces:
                assert torch.allclose(others.cpu(), padded[0], atol=1e-4)
            assert torch.allclose(others, encoder.empty(chunks)[0][0], atol=1e-5)
