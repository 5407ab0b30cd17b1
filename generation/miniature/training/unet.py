"""The painter itself: SDXL's UNet in small, trained on small pictures first, then on large ones."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from numpy.random import Generator
from torch import Tensor

from generation.miniature.scenes.captions import caption
from generation.miniature.scenes.scene import SHAPES
from generation.miniature.training import loop
from generation.miniature.training.latents import Latents
from generation.miniature.training.pictures import Pictures
from generation.miniature.training.text import TextEncoder

CONFIG = {
    "sample_size": SHAPES[0][0] // 8,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (64, 128, 224),
    "layers_per_block": 1,
    "transformer_layers_per_block": 1,
    "attention_head_dim": 4,  # the number of heads: diffusers keeps the old name
    "norm_num_groups": 16,
    "cross_attention_dim": 128,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 6 * 32 + 64,
}
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.02,  # SDXL's 0.012 leaves the mean brightness visible in so few latents
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "steps_offset": 0,
}
TIMES = (0.0, 0.1, 0.9, 1.0), (0, 150, 750, 1000)
"""Shares of the lessons, and the timesteps they end at.

Most are where a scene takes shape, at half to eight times as much noise as picture: what is crisp
there is crisp in the end.
"""
LENGTHS = (0.6, 0.2, 0.12, 0.08)
"""How many captions are one to four chunks of 77 tokens long."""
UNUSUAL = 1.5
"""How much oftener pictures come whose light is weak or strong, as weights ask: they are few."""
EMPTY, NOTHING, UNPOOLED = 0.04, 0.08, 0.5
"""How many captions are the empty text, zeros (a blank negative prompt), without their pooled half.

Compel's weights and later chunks never reach the pooled half, so the words must do without it.
"""
COARSE = 4  # what a blurred picture's original size is divided by


def build() -> UNet2DConditionModel:
    """An untrained UNet of 13 million parameters."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel(**CONFIG)
    unet.set_attn_processor(AttnProcessor())  # fused attention learns a tenth slower on a CPU
    return unet


def noised(latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Latents with noise of every strength, the timesteps [n], and the velocity to predict."""
    count = len(latents)
    # One timestep from each n-th part of all: a batch then sees every strength, shuffled.
    parts = (torch.randperm(count) + torch.rand(count)) / count
    timesteps = torch.from_numpy(np.interp(parts, *TIMES)).long().to(latents.device)
    kept = _kept().to(latents.device)[timesteps].view(-1, 1, 1, 1)
    noise = torch.randn_like(latents)
    noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
    return noisy, timesteps, kept.sqrt() * noise - (1 - kept).sqrt() * latents


@functools.cache
def _kept() -> Tensor:
    """How much of a latent's variance each timestep leaves, [1000]."""
    return DDPMScheduler(**SCHEDULE).alphas_cumprod


def size_ids(pictures: Pictures, numbers: Sequence[int], shrink: int) -> Tensor:
    """SDXL's size conditioning [n, 6]: original size, crop, target size; height before width."""
    rows = []
    for number in numbers:
        width, height = (side // shrink for side in SHAPES[number % len(SHAPES)])
        is_coarse = pictures.scene(number).is_blurred and torch.rand(()) < 0.5
        divisor = COARSE if is_coarse else 1
        rows.append([height // divisor, width // divisor, 0, 0, height, width])
    return torch.tensor(rows, dtype=torch.float32, device=loop.device())


class Course:
    """One batch after another: pictures of one shape, each with a fresh caption."""

    def __init__(self, pictures: Pictures, latents: Latents, texts: TextEncoder) -> None:
        self.pictures, self.latents, self.texts = pictures, latents, texts
        odds = [UNUSUAL if pictures.scene(n).strength != 1 else 1 for n in range(len(pictures))]
        self._odds = np.reshape(odds, (-1, len(SHAPES)))

    def numbers(self, rng: Generator, count: int) -> list[int]:
        """Pictures of one shape, drawn by lot."""
        residue = int(rng.integers(len(SHAPES)))
        odds = self._odds[:, residue]
        rows = rng.choice(len(odds), size=count, p=odds / odds.sum())
        return [int(row) * len(SHAPES) + residue for row in rows]

    @torch.no_grad()
    def words(self, numbers: Sequence[int], rng: Generator) -> tuple[Tensor, Tensor]:
        """Their captions' embeddings [n, tokens, 128] and pooled halves [n, 64], some blanked."""
        chunks = int(rng.choice(len(LENGTHS), p=LENGTHS)) + 1
        captions = [caption(self.pictures.scene(n), rng, length=chunks) for n in numbers]
        embeds, pooled = self.texts.encode(captions, chunks)
        empty, empty_pooled = self.texts.empty(chunks)
        lot = torch.from_numpy(rng.random(len(numbers))).to(embeds.device)
        is_empty, is_nothing = lot < EMPTY, (lot >= EMPTY) & (lot < EMPTY + NOTHING)
        embeds[is_empty], pooled[is_empty] = empty, empty_pooled
        embeds[is_nothing] = 0
        unpooled = torch.from_numpy(rng.random(len(numbers)) < UNPOOLED).to(embeds.device)
        pooled[is_nothing | unpooled] = 0
        return embeds, pooled


def train(pictures: Pictures, folder: Path, work: Path, steps: tuple[int, int]) -> None:
    """Train on half-size pictures, then on whole ones, and write folder/unet.

    steps: of either course. The first is left out where the second has begun.
    """
    texts = TextEncoder(folder)
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    vae.to(loop.device()).eval()
    unet = build().to(loop.device())
    has_begun = (work / "unet-large.ckpt").exists()
    for name, shrink, count, pace in (
        ("unet-small", 2, 48, loop.Plan(steps=steps[0], rate=1.2e-3, decay=0.15)),
        ("unet-large", 1, 16, loop.Plan(steps=steps[1], rate=8e-4, decay=0.5)),
    ):
        if shrink > 1 and has_begun:
            continue
        course = Course(pictures, Latents(pictures, vae, work, shrink), texts)
        origin = course.latents.origin + texts.origin
        plan = replace(pace, ema=0.998, muon=True, origin=origin)
        loop.train(name, unet, plan, _step(unet, course, count), work)
    unet.half().save_pretrained(folder / "unet")


def _step(unet: UNet2DConditionModel, course: Course, count: int) -> loop.Step:
    def step(rng: Generator) -> tuple[Tensor, dict[str, float]]:
        numbers = course.numbers(rng, count)
        embeds, pooled = course.words(numbers, rng)
        noisy, timesteps, velocity = noised(course.latents.batch(numbers))
        added = {
            "text_embeds": pooled,
            "time_ids": size_ids(course.pictures, numbers, course.latents.shrink),
        }
        with loop.autocast():
            predicted = unet(noisy, timesteps, embeds, added_cond_kwargs=added).sample
        return (predicted.float() - velocity).square().mean(), {}

    return step
