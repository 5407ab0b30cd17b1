"""Fit the colours of the miniature's previews: what each latent's colour will be, linearly."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from generation.miniature.scenes.scene import SHAPES
from generation.miniature.training.pictures import Pictures
from generation.pipeline.preview import COLOURS_FILE, fit_colours

COUNT = 96


@torch.no_grad()
def fit(pictures: Pictures, folder: Path) -> None:
    """Write preview.json: the factors that explain square pictures' colours by their latents."""
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    squares = [number for number in range(len(pictures)) if number % len(SHAPES) == 0][:COUNT]
    painted = pictures.batch(squares)
    latents = vae.encode(painted).latent_dist.mean * vae.config.scaling_factor
    colours = fit_colours(latents, painted)
    numbers = {
        "factors": [[round(value, 4) for value in row] for row in colours.factors.tolist()],
        "bias": [round(value, 4) for value in colours.bias.tolist()],
    }
    (folder / COLOURS_FILE).write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
