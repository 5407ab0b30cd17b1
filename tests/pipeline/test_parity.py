"""On the CPU, our pictures are bit for bit those of plain diffusers and Compel."""

import ast
import dataclasses
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image

from generation.miniature import electra
from generation.pipeline.engine import Engine
from generation.spec.profiles import MINIATURE
from generation.spec.samplers import EULER, EULER_ANCESTRAL
from tests.pipeline import plain
from tests.pipeline.orders import QUICK, StepLog, quick_request

LONG = (
    "A castle on a hill. The composition is balanced and the horizon lies low. Every edge has been"
    " placed with care. The viewer stands far away and looks across the land. It feels quiet and"
    " timeless. Nothing moves except the air. The artist spent many weeks on this piece. The scene"
    " is wide and open. Small details reward a patient eye. The picture hangs in a gallery. It was"
    " made for a travel magazine, and it is night."
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""For the plain library, which hands tensors to np.array."""


@pytest.fixture(scope="module")
def bare() -> StableDiffusionXLPipeline:
    """Never saw an IP-Adapter."""
    return plain.load(MINIATURE.folder, with_adapter=False)


@pytest.fixture(scope="module")
def styled() -> StableDiffusionXLPipeline:
    return plain.load(MINIATURE.folder, with_adapter=True)


@pytest.fixture(scope="module")
def reference() -> bytes:
    file = io.BytesIO()
    electra.paint(size=96).save(file, format="PNG")
    return file.getvalue()


@pytest.fixture
def ours(engine: Engine) -> Callable[..., Image.Image]:
    def ours(reference: bytes | None = None, **changes: object) -> Image.Image:
        if reference is not None:
            changes["reference"] = hashlib.sha256(reference).hexdigest()
        picture = engine.generate(quick_request(**changes), StepLog(), reference)
        return Image.open(io.BytesIO(picture.file))

    return ours


def theirs(
    pipe: StableDiffusionXLPipeline,
    conditions: dict[str, object],
    guidance_scale: float = QUICK.guidance_scale,
    reference: Image.Image | None = None,
) -> Image.Image:
    return plain.paint(
        pipe,
        conditions,
        seed=QUICK.seed,
        steps=QUICK.steps,
        guidance_scale=guidance_scale,
        reference=reference,
    )


def assert_same(one: Image.Image, other: Image.Image) -> None:
    assert one.size == other.size
    assert one.tobytes() == other.tobytes()


def test_a_plain_prompt_with_a_blank_negative(bare, ours) -> None:
    assert_same(ours(negative_prompt=" "), theirs(bare, plain.texts(QUICK.prompt)))


def test_a_negative_prompt(bare, ours) -> None:
    assert_same(
        ours(negative_prompt="night, fog"), theirs(bare, plain.texts(QUICK.prompt, "night, fog"))
    )


def test_a_prompt_of_more_than_150_tokens(bare, ours, token_count) -> None:
    prompt = f"{LONG} {LONG}"
    assert token_count(prompt) > 150
    assert_same(ours(prompt=prompt), theirs(bare, plain.embeddings(bare, prompt, None, prompt)))


def test_a_long_negative_prompt(bare, ours, token_count) -> None:
    negative = f"{LONG} {LONG}"
    expected = theirs(bare, plain.embeddings(bare, QUICK.prompt, negative, QUICK.prompt))
    assert_same(ours(negative_prompt=negative), expected)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("mountains, (snow)1.5 at noon++", "mountains, snow at noon"),
        ("mountains, (snow)0.4 at noon--", "mountains, snow at noon"),
        ("((snow)1.3 on mountains)0.8 at night", "snow on mountains at night"),
    ],
)
def test_weights_up_and_down(bare, ours, prompt, words) -> None:
    assert_same(ours(prompt=prompt), theirs(bare, plain.embeddings(bare, prompt, None, words)))


def test_weights_in_both_prompts(bare, ours) -> None:
    """The pooled embedding of the negative prompt is of its words too."""
    words = plain.embeddings(bare, "hills", "fog , night", "hills")
    conditions = plain.embeddings(bare, "hills, (snow)1.5", "(fog)1.3, night-", "hills, snow")
    conditions["negative_pooled_prompt_embeds"] = words["negative_pooled_prompt_embeds"]
    assert_same(
        ours(prompt="hills, (snow)1.5", negative_prompt="(fog)1.3, night-"),
        theirs(bare, conditions),
    )


@pytest.mark.parametrize("guidance_scale", [1.0, 0.0])
def test_without_guidance(bare, ours, guidance_scale) -> None:
    expected = theirs(bare, plain.texts(QUICK.prompt), guidance_scale)
    assert_same(ours(guidance_scale=guidance_scale, negative_prompt="night"), expected)


@pytest.mark.parametrize("guidance_scale", [5.0, 1.0, 0.0])
def test_a_reference_at_0_6(styled, ours, reference, guidance_scale) -> None:
    styled.set_ip_adapter_scale(0.6)
    picture = Image.open(io.BytesIO(reference))
    expected = theirs(styled, plain.texts(QUICK.prompt), guidance_scale, picture)
    painted = ours(reference, ip_strength=0.6, guidance_scale=guidance_scale)
    assert_same(painted, expected)
    assert painted.tobytes() != ours(guidance_scale=guidance_scale).tobytes()


@pytest.mark.parametrize("guidance_scale", [5.0, 1.0])
def test_strength_0_after_a_styled_picture_is_as_if_never_loaded(
    bare, ours, reference, guidance_scale
) -> None:
    ours(reference, ip_strength=0.9, guidance_scale=guidance_scale)
    assert_same(
        ours(guidance_scale=guidance_scale),
        theirs(bare, plain.texts(QUICK.prompt), guidance_scale),
    )


FEW_STEPS = pytest.mark.parametrize(
    ("sampler", "scheduler"), [(EULER, plain.euler), (EULER_ANCESTRAL, plain.euler_ancestral)]
)


@FEW_STEPS
def test_few_steps_without_guidance(sampler, scheduler) -> None:
    """As distilled models are sampled; twice, since a scheduler might remember."""
    engine = Engine.load(dataclasses.replace(MINIATURE, sampler=sampler))
    bare = plain.load(MINIATURE.folder, with_adapter=False, scheduler=scheduler)
    for steps in (4, 1, 4):
        listener = StepLog()
        request = quick_request(steps=steps, guidance_scale=0.0)
        picture = Image.open(io.BytesIO(engine.generate(request, listener).file))
        expected = plain.paint(
            bare, plain.texts(QUICK.prompt), seed=QUICK.seed, steps=steps, guidance_scale=0.0
        )
        assert_same(picture, expected)
        assert [heard.step for heard in listener.heard] == list(range(1, steps + 1))


@FEW_STEPS
def test_few_steps_with_guidance_and_a_reference(sampler, scheduler, reference) -> None:
    engine = Engine.load(dataclasses.replace(MINIATURE, sampler=sampler))
    styled = plain.load(MINIATURE.folder, with_adapter=True, scheduler=scheduler)
    styled.set_ip_adapter_scale(0.6)
    digest = hashlib.sha256(reference).hexdigest()
    request = quick_request(guidance_scale=2.0, ip_strength=0.6, reference=digest)
    picture = Image.open(io.BytesIO(engine.generate(request, StepLog(), reference).file))
    style = Image.open(io.BytesIO(reference))
    assert_same(picture, theirs(styled, plain.texts(QUICK.prompt), 2.0, style))


def test_the_plain_side_imports_nothing_of_this_project() -> None:
    tree = ast.parse(Path(plain.__file__).read_text())
    imported = {
        name.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert not [name for name in imported if name.startswith(("generation", "imagen", "tests"))]
    assert torch.__name__ in imported
