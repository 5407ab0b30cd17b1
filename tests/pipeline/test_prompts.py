"""Prompts reach the encoders whole and weighted, or are refused as unreadable."""

import copy
import time

import pytest
import torch
from diffusers import StableDiffusionXLPipeline

from generation.pipeline.prompts import PromptEncoder
from generation.spec.errors import NotFinite, PromptUnreadable

FILLER = "Every edge has been placed with care. The scene is wide and open. " * 8

pytestmark = pytest.mark.usefixtures("inference")


def test_both_encoders_stand_side_by_side(
    pipe: StableDiffusionXLPipeline, encoder: PromptEncoder
) -> None:
    embeddings = encoder.encode("a castle", "fog")

    width = pipe.text_encoder.config.hidden_size + pipe.text_encoder_2.config.hidden_size
    assert embeddings.prompt_embeds.shape == (1, 77, width)
    assert embeddings.pooled_prompt_embeds.shape == (1, pipe.text_encoder_2.config.projection_dim)
    assert embeddings.prompt_embeds.dtype == torch.float32


@pytest.mark.parametrize(("prompt", "negative"), [(FILLER, "fog"), ("a castle", FILLER)])
def test_a_long_text_is_not_cut_and_both_sides_are_equally_long(
    encoder: PromptEncoder, prompt: str, negative: str
) -> None:
    embeddings = encoder.encode(prompt, negative)

    assert embeddings.prompt_embeds.shape[1] >= 154
    assert embeddings.negative_prompt_embeds.shape == embeddings.prompt_embeds.shape


@pytest.mark.parametrize("negative", ["", "  ", "\n\t"])
def test_a_blank_negative_is_zeros(encoder: PromptEncoder, negative: str) -> None:
    embeddings = encoder.encode("a castle", negative)

    assert not embeddings.negative_prompt_embeds.any()
    assert not embeddings.negative_pooled_prompt_embeds.any()
    assert embeddings.negative_prompt_embeds.shape == embeddings.prompt_embeds.shape


def test_a_word_beyond_token_77_changes_the_embeddings(encoder: PromptEncoder) -> None:
    noon = encoder.encode(FILLER + "noon.", "")
    night = encoder.encode(FILLER + "night.", "")

    assert not torch.equal(noon.prompt_embeds, night.prompt_embeds)


@pytest.mark.parametrize(
    "prompt", ["mountains, (snow)1.5", "mountains, snow++", "mountains, (snow)-"]
)
def test_a_weight_changes_the_embeddings(encoder: PromptEncoder, prompt: str) -> None:
    plain = encoder.encode("mountains, snow", "")
    weighted = encoder.encode(prompt, "")

    assert not torch.allclose(plain.prompt_embeds, weighted.prompt_embeds, atol=1e-3)


@pytest.mark.parametrize(("prompt", "negative"), [("a cat.swap(dog)", ""), ("a", "(b)11")])
def test_a_refused_weighting_is_unreadable(
    encoder: PromptEncoder, prompt: str, negative: str
) -> None:
    with pytest.raises(PromptUnreadable):
        encoder.encode(prompt, negative)


def test_pooled_embeddings_see_the_words_without_weights(encoder: PromptEncoder) -> None:
    plain = encoder.encode("mountains, snow", "")
    weighted = encoder.encode("mountains, (snow)1.5", "")

    assert torch.equal(weighted.pooled_prompt_embeds, plain.pooled_prompt_embeds)


@pytest.mark.parametrize(
    "prompt",
    [
        "()",
        "(" * 5_000,
        "\\(text\\)",
        "日本の城 🏰",
        "<|endoftext|>",
        "(<|endoftext|> a)0.5 b",
        "(<|startoftext|> a)0.5 b",
        "(a <|endoftext|>)0.5 (b)0.3",
        "(\u200d)0.5 castle",
        "(\u00a0)0.5",
        "a:b, [c]",
        '""',
        " ".join("(word)0.5 other" for _ in range(32)),
        "(a)0 (b)0.1 (a)0.2 a",
    ],
)
def test_odd_but_harmless_text_is_read(encoder: PromptEncoder, prompt: str) -> None:
    embeddings = encoder.encode(prompt, "")

    assert torch.isfinite(embeddings.prompt_embeds).all()


def test_tokenizers_that_count_differently_are_padded_to_one_length(
    pipe: StableDiffusionXLPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDXL's second tokenizer pads with "!", which it then reads otherwise than the first."""
    second = copy.deepcopy(pipe.tokenizer_2)
    second.add_tokens(["snow snow snow snow"])
    monkeypatch.setattr(pipe, "tokenizer_2", second)
    prompt = "snow " * 100
    assert len(second.tokenize(prompt)) < 75 < len(pipe.tokenizer.tokenize(prompt)) < 150

    with monkeypatch.context() as context:  # the new token has no embedding: any known one does
        forward = pipe.text_encoder_2.forward
        last = pipe.text_encoder_2.config.vocab_size - 1
        context.setattr(
            pipe.text_encoder_2,
            "forward",
            lambda ids, *args, **kwargs: forward(ids.clamp(max=last), *args, **kwargs),
        )
        embeddings = PromptEncoder(pipe, "cpu").encode(prompt, "fog")

    assert embeddings.prompt_embeds.shape[1] == 2 * 77
    assert embeddings.negative_prompt_embeds.shape == embeddings.prompt_embeds.shape


def test_ten_thousand_characters_are_encoded_in_seconds(encoder: PromptEncoder) -> None:
    words = " ".join(f"word{number}" for number in range(1_200))
    began = time.perf_counter()

    embeddings = encoder.encode(words, "")

    assert embeddings.prompt_embeds.shape[1] > 77 * 30
    assert time.perf_counter() - began < 5


def test_what_was_encoded_before_asks_no_encoder(
    pipe: StableDiffusionXLPipeline, encoder: PromptEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encoder.encode("a lighthouse, (waves)1.2", "fog")
    for model in (pipe.text_encoder, pipe.text_encoder_2):
        monkeypatch.setattr(model, "forward", None)

    again = encoder.encode("a lighthouse,  (waves)1.2", "fog")

    assert torch.equal(again.prompt_embeds, first.prompt_embeds)
    assert torch.equal(again.negative_pooled_prompt_embeds, first.negative_pooled_prompt_embeds)


def test_embeddings_that_are_not_finite_are_reported(
    pipe: StableDiffusionXLPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = pipe.text_encoder.get_input_embeddings().weight
    monkeypatch.setattr(weight, "data", weight.data * float("nan"))

    with pytest.raises(NotFinite, match="a castle"):
        PromptEncoder(pipe, "cpu").encode("a castle", "")
