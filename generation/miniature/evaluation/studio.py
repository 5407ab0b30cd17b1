"""Pictures by the real pipeline, many seeds at once: the service's own parts, batched."""

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import choose_placement, place
from generation.pipeline.prompts import PromptEncoder
from generation.spec.limits import Limits
from generation.spec.profiles import MINIATURE

BATCH = 10
LIMITS = Limits()
"""What users get who ask for nothing else."""
TIMED, TIMES = "a castle on a hill at noon", 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What decides a picture, but for its seed.

    reference: a name among the studio's references, followed at full strength; "" for none.
    format: width and height over the native side. first: of all seeds, the one to begin with.
    """

    prompt: str
    negative: str = ""
    guidance: float = LIMITS.default_guidance_scale
    reference: str = ""
    format: tuple[float, float] = (1.0, 1.0)
    first: int = 0


class Studio:
    """The loaded miniature."""

    def __init__(
        self, folder: Path = MINIATURE.folder, references: Mapping[str, Image.Image] | None = None
    ) -> None:
        """Load the weights of a folder in diffusers layout. Raises ModelUnavailable."""
        profile = dataclasses.replace(MINIATURE, folder=folder)
        placement = choose_placement(profile)
        self._pipe = load_pipeline(profile, placement)
        place(self._pipe, placement)
        self._device = placement.device
        self._prompts = PromptEncoder(self._pipe, self._device)
        self._references = references or {}
        self.native_side = self._pipe.default_sample_size * self._pipe.vae_scale_factor

    @torch.inference_mode()
    def paint(self, order: Order, seeds: Sequence[int], steps: int) -> list[Image.Image]:
        """One RGB picture for every seed. Raises PromptUnreadable."""
        pictures: list[Image.Image] = []
        for first in range(0, len(seeds), BATCH):
            pictures += self._paint_batch(order, seeds[first : first + BATCH], steps)
        return pictures

    def seconds_alone(self) -> float:
        """What one picture takes as users order it, alone and at the default steps: a median."""
        seconds = []
        for seed in range(1 + TIMES):
            start = time.perf_counter()
            self.paint(Order(prompt=TIMED), [seed], LIMITS.default_steps)
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds[1:])  # the first warms up

    def _paint_batch(self, order: Order, seeds: Sequence[int], steps: int) -> list[Image.Image]:
        embeds = self._prompts.encode(order.prompt, order.negative)
        width, height = (round(self.native_side * share / 8) * 8 for share in order.format)
        texts = {
            field.name: torch.cat([getattr(embeds, field.name)] * len(seeds))
            for field in dataclasses.fields(embeds)
        }
        painted: list[Image.Image] = self._pipe(
            **texts,
            **self._look(order),
            width=width,
            height=height,
            num_inference_steps=steps,
            guidance_scale=order.guidance,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        ).images
        return painted

    def _look(self, order: Order) -> dict[str, object]:
        if getattr(self._pipe, "image_encoder", None) is None:
            return {}
        self._pipe.set_ip_adapter_scale(1.0 if order.reference else 0.0)
        image = self._references.get(order.reference) or Image.new("RGB", (64, 64))
        (pair,) = self._pipe.prepare_ip_adapter_image_embeds(
            image, None, self._device, 1, do_classifier_free_guidance=True
        )
        return {"ip_adapter_image_embeds": [pair if order.guidance > 1 else pair[1:]]}
