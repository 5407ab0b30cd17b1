"""Train the image encoder: it names light, palette and style, and so learns to see them.

What it sees is squeezed to 128 x 128 as diffusers does with a reference picture: the shortest side
is resized (bicubic), the middle is cut out. In training the cut is drawn by lot.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, mse_loss
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from generation.miniature.scenes.scene import Scene
from generation.miniature.training.loop import Plan, autocast, device
from generation.miniature.training.loop import train as run
from generation.miniature.training.pictures import Pictures
from generation.spec.profiles import ADAPTER_FILE, ADAPTER_FOLDER
from generation.spec.world import LIGHTS, PALETTES, STYLES

SIDE = 128
BATCH = 32
HELD_OUT = 512  # the last pictures, only ever looked at to see how well it does
LEAST_CUT = 0.6  # of the shortest side
STYLED = (
    0.65  # of a batch have a style, more than of all pictures: textures are what is hard to see
)
KINDS: Mapping[str, tuple[str | None, ...]] = {
    "light": LIGHTS,
    "palette": (None, *PALETTES),
    "style": (None, *STYLES),
}
CELLS = 3
CONFIG = CLIPVisionConfig(
    image_size=SIDE,
    patch_size=8,
    hidden_size=96,
    intermediate_size=256,
    num_hidden_layers=4,
    num_attention_heads=4,
    projection_dim=64,
    hidden_act="gelu",
)
Box = tuple[float, float, float, float]


class Spotter(nn.Module):
    """The encoder, and the questions it is trained by."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = CLIPVisionModelWithProjection(CONFIG)
        self.named = nn.ModuleDict(
            {kind: nn.Linear(CONFIG.projection_dim, len(names)) for kind, names in KINDS.items()}
        )
        self.colours = nn.Linear(CONFIG.projection_dim, 3 * CELLS**2)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Scores [n, names] of every kind, and "colours" [n, 27], of pixels [n, 3, 128, 128]."""
        embeds = self.encoder(pixels).image_embeds
        scores = {kind: head(embeds) for kind, head in self.named.items()}
        return {**scores, "colours": self.colours(embeds)}


def train(pictures: Pictures, folder: Path, work: Path, steps: int) -> None:
    """Train the encoder and put it beside the adapter of FOLDER, in fp16.

    work: for the checkpoint; a run that was stopped goes on there.
    """
    torch.manual_seed(0)
    spotter = Spotter().to(device())
    last = max(1, len(pictures) - HELD_OUT)
    styled = [number for number in range(last) if pictures.scene(number).style] or range(last)

    def step(rng: Generator) -> tuple[Tensor, Mapping[str, float]]:
        chosen = rng.integers(last, size=BATCH).tolist()
        chosen[: round(STYLED * BATCH)] = rng.choice(styled, round(STYLED * BATCH)).tolist()
        seen = [squeeze(pictures.pixels(i), random_cut(pictures.pixels(i), rng)) for i in chosen]
        flipped = [one[:, ::-1] if rng.random() < 0.5 else one for one in seen]
        pixels = normalise(flipped)
        with autocast():
            answers = spotter(pixels)
        answers = {kind: answer.float() for kind, answer in answers.items()}
        targets = name_targets([pictures.scene(i) for i in chosen])
        losses = {kind: cross_entropy(answers[kind], wanted) for kind, wanted in targets.items()}
        colours = adaptive_avg_pool2d(pixels, CELLS).flatten(1)
        loss = sum(losses.values()) + 4 * mse_loss(answers["colours"], colours)
        return loss, {kind: value.item() for kind, value in losses.items()}

    spotter.train()
    plan = Plan(steps=steps, rate=1.5e-3, decay=0.6, ema=0.99, muon=True, origin=pictures.origin)
    run("vision", spotter, plan, step, work)
    spotter.eval()
    print("image encoder, right on held-out pictures:", _accuracies(spotter, pictures, last))
    beside = folder / ADAPTER_FOLDER / ADAPTER_FILE.parent
    spotter.encoder.half().save_pretrained(beside / "image_encoder")


def random_cut(pixels: NDArray[np.uint8], rng: Generator) -> Box:
    """A square of the picture: left, top, right and bottom in pixels."""
    height, width = pixels.shape[:2]
    side = min(width, height) * rng.uniform(LEAST_CUT, 1)
    left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
    return (left, top, left + side, top + side)


def squeeze(pixels: NDArray[np.uint8], cut: Box | None = None) -> NDArray[np.uint8]:
    """The cut, else the middle square, as [128, 128, 3]."""
    height, width = pixels.shape[:2]
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = cut or (left, top, left + side, top + side)
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))


def normalise(squeezed: Sequence[NDArray[np.uint8]]) -> Tensor:
    """What the encoder reads, [n, 3, 128, 128], of pictures [128, 128, 3]."""
    pixels = torch.from_numpy(np.stack(squeezed)).to(device()).float() / 255
    mean, std = (pixels.new_tensor(three) for three in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return ((pixels - mean) / std).permute(0, 3, 1, 2).contiguous()


def name_targets(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """For every kind the place of each scene's name among KINDS[kind], [n]."""
    return {
        kind: torch.tensor([names.index(getattr(scene, kind)) for scene in scenes], device=device())
        for kind, names in KINDS.items()
    }


@torch.no_grad()
def _accuracies(spotter: Spotter, pictures: Pictures, first: int) -> str:
    chosen = range(first, len(pictures))
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for start in range(first, len(pictures), BATCH):
        part = chosen[start - first : start - first + BATCH]
        answers = spotter(normalise([squeeze(pictures.pixels(i)) for i in part]))
        for kind, wanted in name_targets([pictures.scene(i) for i in part]).items():
            right[kind] += (answers[kind].argmax(1) == wanted).tolist()
    return ", ".join(f"{kind} {np.mean(hits):.1%}" for kind, hits in right.items())
