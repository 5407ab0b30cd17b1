"""The pictures as the UNet sees them: encoded once, kept in memory at two sizes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from tqdm import tqdm

from generation.miniature.scenes.scene import SHAPES
from generation.miniature.training import loop
from generation.miniature.training.pictures import Pictures

BATCH = 16


class Latents:
    """All pictures' latents, scaled to a spread of one.

    shrink: 1 for pictures of their own size, 2 for pictures half as wide and high.
    work: where they are kept; encoded once, which takes some 60 ms a picture of 256 x 256 pixels.
    origin: a digest of the first of them, for what learns from them.
    """

    def __init__(self, pictures: Pictures, vae: AutoencoderKL, work: Path, shrink: int) -> None:
        self.shrink = shrink
        name = f"latents-{_digest(pictures, vae)}-{shrink}"
        self._by_shape = [
            _encode(pictures, vae, work / f"{name}-{residue}.npy", residue, shrink)
            for residue in range(len(SHAPES))
        ]
        self.origin = hashlib.sha256(self._by_shape[0][:BATCH].tobytes()).hexdigest()

    def batch(self, numbers: Sequence[int]) -> Tensor:
        """Of pictures of one shape: [n, 4, height / 8 / shrink, width / 8 / shrink]."""
        (residue,) = {number % len(SHAPES) for number in numbers}
        rows = [number // len(SHAPES) for number in numbers]
        return torch.from_numpy(self._by_shape[residue][rows]).float().to(loop.device())


def _digest(pictures: Pictures, vae: AutoencoderKL) -> str:
    """Of the pictures and of what encodes them; the decoder may be trained further."""
    digest = hashlib.sha256(pictures.origin.encode())
    for weight in (*vae.encoder.parameters(), *vae.quant_conv.parameters()):
        digest.update(weight.detach().half().cpu().numpy().tobytes())
    return digest.hexdigest()[:8]


@torch.no_grad()
def _encode(
    pictures: Pictures, vae: AutoencoderKL, path: Path, residue: int, shrink: int
) -> np.ndarray:
    """The latents of every picture of one shape; further pictures are encoded, if there are any.

    Written at the end, in one move.
    """
    numbers = range(residue, len(pictures), len(SHAPES))
    done = list(np.load(path)) if path.exists() else []
    if len(done) >= len(numbers):
        return np.stack(done[: len(numbers)])
    for start in tqdm(range(len(done), len(numbers), BATCH), desc=path.stem):
        wanted = pictures.batch(numbers[start : start + BATCH]).to(loop.device())
        if shrink > 1:
            wanted = nn.functional.avg_pool2d(wanted, shrink)
        with loop.autocast():
            encoded = vae.encode(wanted).latent_dist.mean
        done.extend((encoded.float() * vae.config.scaling_factor).half().cpu().numpy())
    encoded_all = np.stack(done)
    np.save(part := path.with_suffix(".part.npy"), encoded_all)
    part.replace(path)
    return encoded_all
