"""Painted scenes as the miniature gives them back: what they show stays, the edges are its own.

Nobody tells it what they show: through the codec alone, or drawn again by the UNet without words.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from generation.miniature import judge
from generation.miniature.scenes.scene import SHAPES
from generation.miniature.training.latents import Latents
from generation.miniature.training.loop import autocast, device
from generation.miniature.training.pictures import Pictures

WAYS = ("decoded", "redrawn")
SHARD, MADE_AT_ONCE = 512, 8
FIRST = 48  # pictures of the digest
ROUGHNESS = 0.25  # of the latents' spread at most: what sampling leaves undone
REDRAWING_STEPS = 10
STRENGTH = (0.1, 0.3)  # the last one or two steps of ten; four add stars to a night without any
Pixels = NDArray[np.uint8]  # [128, 128, 3]


class Softened:
    """Some pictures given back in one way, at the judge's size.

    way: one of WAYS. work: where they are kept, next to the latents they are made of; missing ones
    are made, so that a run that was stopped goes on where it was. origin: a digest of the first.
    """

    def __init__(self, way: str, artist: "Artist", work: Path, numbers: Sequence[int]) -> None:
        self._rows = {number: row for row, number in enumerate(numbers)}
        kept = work / f"{way}-{artist.digest(numbers)}"
        kept.mkdir(parents=True, exist_ok=True)
        shards = {
            kept / f"{way}-{start:05}.npy": numbers[start : start + SHARD]
            for start in range(0, len(numbers), SHARD)
        }
        missing = [path for path in shards if not path.exists()]
        for path in tqdm(missing, desc=f"{way}, {SHARD} each", disable=not missing):
            np.save(part := path.with_suffix(".part.npy"), artist.make(way, shards[path]))
            part.replace(path)
        self._pixels = np.concatenate([np.load(path) for path in shards])
        self.origin = hashlib.sha256(self._pixels[:FIRST].tobytes()).hexdigest()

    def pixels(self, number: int) -> Pixels:
        """The picture of that number."""
        return self._pixels[self._rows[number]]


class Artist:
    """Gives painted scenes back as the miniature would, without words."""

    def __init__(self, pictures: Pictures, folder: Path, work: Path) -> None:
        self._pictures, self._folder, self._work = pictures, folder, work

    def digest(self, numbers: Sequence[int]) -> str:
        """Of those pictures, and of what gives them back."""
        settings = (list(numbers), SHARD, MADE_AT_ONCE, ROUGHNESS, REDRAWING_STEPS, STRENGTH)
        digest = hashlib.sha256(f"{self._pictures.origin}{settings}".encode())
        for part in ("text_encoder", "text_encoder_2", "unet", "vae", "scheduler"):
            for file in sorted((self._folder / part).glob("*")):
                digest.update(file.read_bytes())
        return digest.hexdigest()[:8]

    @torch.inference_mode()
    def make(self, way: str, numbers: Sequence[int]) -> NDArray[np.uint8]:
        """[n, 128, 128, 3]. The same for the same numbers."""
        give_back = {"decoded": self._decoded, "redrawn": self._redrawn}[way]
        rng = np.random.default_rng(numbers[0])
        made = np.zeros((len(numbers), judge.SIDE, judge.SIDE, 3), np.uint8)
        for residue in range(len(SHAPES)):
            alike = [row for row, number in enumerate(numbers) if number % len(SHAPES) == residue]
            for start in range(0, len(alike), MADE_AT_ONCE):
                rows = alike[start : start + MADE_AT_ONCE]
                latents = self._latents.batch([numbers[row] for row in rows])
                with autocast():
                    images = give_back(latents, rng)
                made[rows] = [judge.shrink(image) for image in images]
        return made

    def _decoded(self, latents: Tensor, rng: Generator) -> list[Image.Image]:
        """What the codec makes of latents that are a little rough, as sampling leaves them."""
        noise = torch.randn(latents.shape, generator=_generator(rng)).to(latents)
        rough = latents + rng.uniform(0, ROUGHNESS) * noise
        painted = self._pipe.vae.decode(rough / self._pipe.vae.config.scaling_factor).sample
        images: list[Image.Image] = self._pipe.image_processor.postprocess(painted)
        return images

    def _redrawn(self, latents: Tensor, rng: Generator) -> list[Image.Image]:
        """What the UNet makes of latents to which noise was added; styles are lost by it."""
        generator = _generator(rng)
        images: list[Image.Image] = self._pipe(
            [""] * len(latents),
            image=latents,
            strength=rng.uniform(*STRENGTH),
            num_inference_steps=REDRAWING_STEPS,
            guidance_scale=1.0,
            generator=generator,
        ).images
        return images

    @cached_property
    def _pipe(self) -> StableDiffusionXLImg2ImgPipeline:
        pipe = StableDiffusionXLImg2ImgPipeline.from_pretrained(self._folder, dtype=torch.float32)
        pipe.set_progress_bar_config(disable=True)
        pipe.unet.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)
        return pipe.to(device())

    @cached_property
    def _latents(self) -> Latents:
        return Latents(self._pictures, self._pipe.vae, self._work, 1)


def _generator(rng: Generator) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(int(rng.integers(2**31)))
