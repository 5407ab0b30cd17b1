"""From words to embeddings, through Compel: weighted, and whole beyond 77 tokens."""

import contextlib
import io
import logging
from dataclasses import dataclass

import torch
from compel import CompelForSDXL
from compel.convenience_wrappers import LabelledConditioning
from compel.prompt_parser import PromptParser
from pyparsing import ParseBaseException, ParserElement

from generation.spec.errors import PromptUnreadable
from generation.spec.request import show_value

log = logging.getLogger(__name__)

# Without memory Compel's grammar takes five times longer for each level of parentheses
# (compel #103): 4 levels over 1,200 words parse in 3 s with it, in hours without.
ParserElement.enable_packrat(None)

UNREADABLE = (
    ParseBaseException,
    PromptParser.ParsingException,
    AssertionError,
    AttributeError,
    IndexError,
    RecursionError,
    TypeError,
    ValueError,
)
"""All that Compel 2.5.1 was seen to raise over strange syntax: "()", .and(1, 0.5), .blend(x) ..."""

REMEDY = (
    'Put a backslash before parentheses that are meant as text, and write ("a", "b").blend(1, 0.5).'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEmbeddings:
    """What the UNet reads, float32 on the encoders' device.

    prompt_embeds: [1, 77 * chunks, dim_1 + dim_2], both encoders side by side (SDXL: 768 + 1280).
    pooled_prompt_embeds: [1, projection_dim] of the second encoder (SDXL: 1280).
    negative_*: the same shapes; both None for a blank negative prompt, for which the pipeline
    puts zeros (force_zeros_for_empty_prompt). An encoded "" would paint another picture.
    """

    prompt_embeds: torch.Tensor
    pooled_prompt_embeds: torch.Tensor
    negative_prompt_embeds: torch.Tensor | None
    negative_pooled_prompt_embeds: torch.Tensor | None


def encode_prompts(compel: CompelForSDXL, prompt: str, negative_prompt: str) -> PromptEmbeddings:
    """Weigh and encode both texts with both encoders, padded to one length, nothing cut off.

    The pooled embedding alone sees the raw text, syntax included, up to 77 tokens (Compel's way).
    Parsing takes seconds for ten thousand characters.
    Raises PromptUnreadable when Compel cannot parse a text or makes no numbers of it.
    """
    conditioning = _ask_compel(compel, prompt, negative_prompt if negative_prompt.strip() else None)
    embeddings = PromptEmbeddings(
        prompt_embeds=conditioning.embeds,
        pooled_prompt_embeds=conditioning.pooled_embeds,
        negative_prompt_embeds=conditioning.negative_embeds,
        negative_pooled_prompt_embeds=conditioning.negative_pooled_embeds,
    )
    _require_finite(embeddings.prompt_embeds, prompt)
    if embeddings.negative_prompt_embeds is not None:
        _require_finite(embeddings.negative_prompt_embeds, negative_prompt)
    return embeddings


def _ask_compel(compel: CompelForSDXL, prompt: str, negative: str | None) -> LabelledConditioning:
    """What Compel makes of the texts; what it would print goes to the log."""
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            conditioning = compel(prompt, negative_prompt=negative)
    except UNREADABLE as error:
        raise PromptUnreadable(
            f"Compel cannot parse the prompt {show_value(prompt)} with the negative prompt"
            f" {show_value(negative)}: {type(error).__name__}: {error}. {REMEDY}"
        ) from error
    if printed.getvalue():
        log.debug("compel: %s", printed.getvalue().strip())
    return conditioning


def _require_finite(embeds: torch.Tensor, text: str) -> None:
    if not torch.isfinite(embeds).all():
        raise PromptUnreadable(
            f"The weights in {show_value(text)} make no finite embedding. Weights of a blend must"
            " not add up to 0, and none may be huge."
        )
