"""Prompts reach the encoders whole and weighted, or are refused as unreadable."""

import time

import pytest
import torch
from compel import CompelForSDXL

from generation.pipeline.prompts import encode_prompts
from generation.spec.errors import PromptUnreadable

FILLER = "Every edge has been placed with care. The scene is wide and open. " * 8

pytestmark = pytest.mark.usefixtures("inference")


def test_both_encoders_stand_side_by_side(compel: CompelForSDXL) -> None:
    width_1 = compel.compel_1.conditioning_provider.text_encoder.config.hidden_size
    config_2 = compel.compel_2.conditioning_provider.text_encoder.config

    embeddings = encode_prompts(compel, "a castle", "fog")

    assert embeddings.prompt_embeds.shape == (1, 77, width_1 + config_2.hidden_size)
    assert embeddings.pooled_prompt_embeds.shape == (1, config_2.projection_dim)
    assert embeddings.prompt_embeds.dtype == torch.float32


@pytest.mark.parametrize(("prompt", "negative"), [(FILLER, "fog"), ("a castle", FILLER)])
def test_a_long_text_is_not_cut_and_both_sides_are_equally_long(
    compel: CompelForSDXL, prompt: str, negative: str
) -> None:
    embeddings = encode_prompts(compel, prompt, negative)

    assert embeddings.prompt_embeds.shape[1] >= 154
    assert embeddings.negative_prompt_embeds is not None
    assert embeddings.negative_prompt_embeds.shape == embeddings.prompt_embeds.shape


@pytest.mark.parametrize("negative", ["", "  ", "\n\t"])
def test_a_blank_negative_is_left_to_the_pipeline(compel: CompelForSDXL, negative: str) -> None:
    embeddings = encode_prompts(compel, "a castle", negative)

    assert embeddings.negative_prompt_embeds is None
    assert embeddings.negative_pooled_prompt_embeds is None


def test_a_word_beyond_token_77_changes_the_embeddings(compel: CompelForSDXL) -> None:
    noon = encode_prompts(compel, FILLER + "noon.", "")
    night = encode_prompts(compel, FILLER + "night.", "")

    assert not torch.equal(noon.prompt_embeds, night.prompt_embeds)


@pytest.mark.parametrize(
    "prompt", ["mountains, (snow)1.5", "mountains, snow++", "mountains, (snow)-"]
)
def test_a_weight_changes_the_embeddings(compel: CompelForSDXL, prompt: str) -> None:
    plain = encode_prompts(compel, "mountains, snow", "")
    weighted = encode_prompts(compel, prompt, "")

    assert not torch.allclose(plain.prompt_embeds, weighted.prompt_embeds, atol=1e-3)


@pytest.mark.parametrize(
    "prompt",
    [
        "()",
        "(   )1.2",
        '""0.5 x',
        '("a","b").blend(0.5)',
        '("a","b").blend(x)',
        '("a","b").blend(1,1) snow',
        '("a","b").and(1)',
        '("a","b").and(1,0.5)',
        "(" * 50,
    ],
)
def test_syntax_that_compel_cannot_parse_is_unreadable(compel: CompelForSDXL, prompt: str) -> None:
    with pytest.raises(PromptUnreadable, match="backslash") as caught:
        encode_prompts(compel, prompt, "")

    assert caught.value.__cause__ is not None


def test_an_unreadable_negative_is_refused_too(compel: CompelForSDXL) -> None:
    with pytest.raises(PromptUnreadable):
        encode_prompts(compel, "a castle", "()")


@pytest.mark.parametrize(
    ("prompt", "negative"),
    [('("a","b").blend(0,0)', ""), ("a castle", '("a","b").blend(0,0)'), ("(a)" + "9" * 60, "")],
)
def test_embeddings_that_are_not_finite_are_unreadable(
    compel: CompelForSDXL, prompt: str, negative: str
) -> None:
    with pytest.raises(PromptUnreadable, match="no finite embedding"):
        encode_prompts(compel, prompt, negative)


def test_compel_may_not_print(compel: CompelForSDXL, capsys: pytest.CaptureFixture[str]) -> None:
    encode_prompts(compel, "a cat.swap(dog) by a tree.swap(house)", "")

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "prompt", ["\\(text\\)", "日本の城 🏰", "a) b", "<|endoftext|>", "a:b, [c]"]
)
def test_odd_but_harmless_text_is_read(compel: CompelForSDXL, prompt: str) -> None:
    embeddings = encode_prompts(compel, prompt, "")

    assert torch.isfinite(embeddings.prompt_embeds).all()


def test_nested_parentheses_over_many_words_are_parsed_in_seconds(compel: CompelForSDXL) -> None:
    words = " ".join(f"word{number}" for number in range(150))
    began = time.perf_counter()
    encode_prompts(compel, f"(((( {words}", "")
    assert time.perf_counter() - began < 5
