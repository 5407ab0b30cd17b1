"""From words to embeddings: weighted, and whole beyond 77 tokens.

The weighting is read by spec.weighting; Compel's embedding provider turns its fragments into
numbers, exactly as it does for its own parser.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from compel import CompelForSDXL
from compel.embeddings_provider import EmbeddingsProvider
from diffusers import StableDiffusionXLPipeline

from generation.pipeline.cache import TensorCache
from generation.spec.errors import NotFinite, PromptUnreadable
from generation.spec.request import show_value
from generation.spec.weighting import (
    Fragment,
    WeightingRefused,
    read_fragments,
    unweighted_words,
)

CACHE_BYTES = 64 << 20
"""About a hundred SDXL prompts of 77 tokens in half precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEmbeddings:
    """What the UNet reads, in the encoders' dtype on their device.

    prompt_embeds: [1, 77 * chunks, dim_1 + dim_2], both encoders side by side (SDXL: 768 + 1280).
    pooled_prompt_embeds: [1, projection_dim] of the second encoder (SDXL: 1280).
    negative_*: the same shapes; zeros for a blank negative prompt, as SDXL was trained. An encoded
    "" would paint another picture.
    """

    prompt_embeds: torch.Tensor
    pooled_prompt_embeds: torch.Tensor
    negative_prompt_embeds: torch.Tensor
    negative_pooled_prompt_embeds: torch.Tensor


class PromptEncoder:
    """Both text encoders of one pipeline, and what they were asked before.

    A text is known again by its fragments, so a change in its spacing costs nothing.
    """

    def __init__(self, pipe: StableDiffusionXLPipeline, device: str) -> None:
        # The device must be named: under offload Compel would guess the CPU (compel #121).
        compel = CompelForSDXL(pipe, device=device)
        self._device = device
        self._providers: tuple[EmbeddingsProvider, EmbeddingsProvider] = (
            compel.compel_1.conditioning_provider,
            compel.compel_2.conditioning_provider,
        )
        self._cache = TensorCache(CACHE_BYTES)

    def encode(self, prompt: str, negative_prompt: str) -> PromptEmbeddings:
        """Weigh and encode both texts with both encoders, padded to one length, nothing cut off.

        The pooled embeddings alone see only the first 77 tokens, of the words without weights.
        Each encoder is asked for both texts in turn, so that an offloaded one moves once.
        Raises PromptUnreadable for a weighting that is refused, NotFinite for NaN or infinity.
        """
        texts = [_read(prompt)]
        if negative_prompt.strip():
            texts.append(_read(negative_prompt))
        embeds = self._join([self._half(index, texts) for index in range(len(self._providers))])
        pooled = [self._pooled(text) for text in texts]
        return PromptEmbeddings(
            prompt_embeds=embeds[0],
            pooled_prompt_embeds=pooled[0],
            negative_prompt_embeds=embeds[1] if embeds[1:] else torch.zeros_like(embeds[0]),
            negative_pooled_prompt_embeds=pooled[1] if pooled[1:] else torch.zeros_like(pooled[0]),
        )

    def _half(self, index: int, texts: Sequence[Sequence[Fragment]]) -> list[torch.Tensor]:
        """One encoder's embeddings of each text, [1, 77 * chunks, dim]."""
        embeds = [self._weighted(index, text) for text in texts]
        _ = self._providers[index].empty_z  # kept now: padding later would bring the encoder back
        return embeds

    def _join(self, halves: Sequence[Sequence[torch.Tensor]]) -> list[torch.Tensor]:
        """Each text's embeddings by both encoders side by side, all padded to one length.

        The encoders may need different numbers of chunks: SDXL's second tokenizer takes "!" for
        padding, and so counts a row of them otherwise.
        """
        longest = max(tensor.shape[1] for half in halves for tensor in half)
        padded = [
            [_pad(tensor, longest, provider) for tensor in half]
            for half, provider in zip(halves, self._providers, strict=True)
        ]
        return [torch.cat(sides, dim=-1) for sides in zip(*padded, strict=True)]

    def _weighted(self, index: int, text: Sequence[Fragment]) -> torch.Tensor:
        provider = self._providers[index]

        def make() -> tuple[torch.Tensor]:
            embeds, _tokens = provider.get_embeddings_for_weighted_prompt_fragments(
                [[fragment.text for fragment in text] or [""]],
                [[fragment.weight for fragment in text] or [1.0]],
                should_return_tokens=True,
                device=self._device,
            )
            return (_finite(embeds, text),)

        return self._remembered(("weighted", index, tuple(text)), make)

    def _pooled(self, text: Sequence[Fragment]) -> torch.Tensor:
        words = unweighted_words(text)

        def make() -> tuple[torch.Tensor]:
            pooled = self._providers[1].get_pooled_embeddings([words], device=self._device)
            return (_finite(pooled, text),)

        return self._remembered(("pooled", words), make)

    def _remembered(self, key: Hashable, make: Callable[[], tuple[torch.Tensor]]) -> torch.Tensor:
        return self._cache.get_or_make(key, make)[0]


def _read(text: str) -> tuple[Fragment, ...]:
    try:
        return read_fragments(text)
    except WeightingRefused as error:
        raise PromptUnreadable(f"{show_value(text)}: {error}") from error


def _pad(embeds: torch.Tensor, length: int, provider: EmbeddingsProvider) -> torch.Tensor:
    """Fill up with whole chunks of the empty text, as Compel does."""
    empty = provider.empty_z.to(embeds)
    return torch.cat([embeds, *[empty] * ((length - embeds.shape[1]) // empty.shape[1])], dim=1)


def _finite(embeds: torch.Tensor, text: Sequence[Fragment]) -> torch.Tensor:
    """The embeddings, before they are remembered. Raises NotFinite."""
    if not torch.isfinite(embeds).all():
        shown = show_value(unweighted_words(text))
        raise NotFinite(f"A text encoder makes NaN or infinite embeddings of {shown}.")
    return embeds
