"""What a picture will look like, before it is decoded: a linear guess at each latent's colour.

Eight by eight pixels become one, for a millionth of the VAE's work. The factors are a property
of the VAE: a least-squares fit of pictures' colours over their latents.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from generation.spec.errors import ModelUnavailable

COLOURS_FILE = "preview.json"
JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentColours:
    """rgb = latent @ factors + bias, from -1 to 1. factors: [4, 3]; bias: [3]."""

    factors: torch.Tensor
    bias: torch.Tensor


SDXL = LatentColours(
    factors=torch.tensor(
        [
            [0.3651, 0.4232, 0.4341],
            [-0.2533, -0.0042, 0.1068],
            [0.1076, 0.1111, -0.0362],
            [-0.3165, -0.2492, -0.2188],
        ]
    ),
    bias=torch.tensor([0.1084, -0.0175, -0.0011]),
)
"""Of SDXL's own VAE. Source: ComfyUI, comfy/latent_formats.py, class SDXL."""


def read_colours(folder: Path) -> LatentColours:
    """The model's own factors from preview.json in its folder; SDXL's where there is none.

    Raises ModelUnavailable when the file holds anything but 4 x 3 factors and 3 biases.
    """
    try:
        text = (folder / COLOURS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return SDXL
    try:
        read = json.loads(text)
        colours = LatentColours(
            factors=torch.tensor(read["factors"], dtype=torch.float32).reshape(4, 3),
            bias=torch.tensor(read["bias"], dtype=torch.float32).reshape(3),
        )
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelUnavailable(
            f"{folder / COLOURS_FILE} must hold 4 x 3 factors and 3 biases: {error!r}. Restore it."
        ) from error
    return colours


def paint_preview(latent: torch.Tensor, colours: LatentColours) -> bytes:
    """A JPEG with one pixel a latent, 0.3 ms for 128 x 128.

    latent: [1, 4, height / 8, width / 8], the predicted clean one, on any device.
    NaN and infinity become black; the decode reports them.
    """
    flat = latent[0].float().cpu().permute(1, 2, 0)
    rgb = torch.nan_to_num(flat @ colours.factors + colours.bias, nan=-1.0, posinf=-1.0)
    pixels = ((rgb + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(file, format="JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def fit_colours(latents: torch.Tensor, pictures: torch.Tensor) -> LatentColours:
    """The least-squares factors of a VAE.

    latents: [n, 4, h, w], scaled as the UNet sees them; pictures: [n, 3, 8h, 8w] from -1 to 1.
    """
    small = torch.nn.functional.avg_pool2d(pictures, pictures.shape[-1] // latents.shape[-1])
    rows = latents.permute(0, 2, 3, 1).reshape(-1, 4).float()
    rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
    wanted = small.permute(0, 2, 3, 1).reshape(-1, 3).float()
    solution = torch.linalg.lstsq(rows, wanted).solution
    return LatentColours(factors=solution[:4], bias=solution[4])
