"""Train the judge of what pictures show, on painted scenes alone.

It must know things by their shapes, and pictures softer than the painter's: half of what it sees
went through the miniature's codec and has its textures, half has other colours (then nobody asks
it for the light or the palette), some is blurred, coarse or noisy (then nobody asks whether it is
blurred), all is cut and mirrored a little. It never sees what the miniature made of words.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss
from tqdm import tqdm

from generation.miniature import judge
from generation.miniature.judge import Judge, JudgeNet, JudgeVerdict
from generation.miniature.scenes.scene import Scene
from generation.miniature.training.latents import Latents
from generation.miniature.training.loop import Plan, autocast, device
from generation.miniature.training.loop import train as run
from generation.miniature.training.pictures import Pictures
from generation.spec.world import CONCEPTS, LIGHTS, PALETTES

BATCH = 48
REPAINTED = 2048  # of the pictures that it learns from, the first
ROUGHNESS = 0.25  # of the latents' spread at most: what sampling leaves undone
HELD_OUT = 1500  # the last pictures: half choose the thresholds, the other half is reported on
COLOURED = LIGHTS + PALETTES  # concepts that colours alone tell
GRID = np.linspace(0.1, 0.9, 81)
Pixels = NDArray[np.uint8]  # [128, 128, 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A picture as the judge in training sees it, and what it may be asked about: [concepts]."""

    pixels: Pixels
    asked: NDArray[np.bool_]


class Repainted:
    """Some pictures as the miniature's codec paints them again, at the judge's size.

    folder: holds the trained vae. work: where they are kept, next to the latents they are made of.
    origin: a digest of the first of them.
    """

    def __init__(
        self, pictures: Pictures, folder: Path, work: Path, numbers: Sequence[int]
    ) -> None:
        self._rows = {number: row for row, number in enumerate(numbers)}
        path = work / f"repainted-{_digest(pictures, folder, numbers)}.npy"
        if not path.exists():
            np.save(
                part := path.with_suffix(".part.npy"), _repaint(pictures, folder, work, numbers)
            )
            part.replace(path)
        self._pixels = np.load(path, mmap_mode="r")
        self.origin = hashlib.sha256(self._pixels[:BATCH].tobytes()).hexdigest()

    def pixels(self, number: int) -> Pixels:
        """The picture of that number."""
        return self._pixels[self._rows[number]]


def train(
    pictures: Pictures, folder: Path, work: Path, steps: int, path: Path = judge.PATH
) -> None:
    """Train the judge, choose its thresholds, write it, and print how often it is right.

    Three sets of pictures apart: one to learn from, one for the thresholds, one for the report.
    folder: holds the trained vae. work: for the checkpoint and the pictures that the codec paints;
    a run that was stopped goes on there.
    """
    torch.manual_seed(0)
    net = JudgeNet().to(device())
    last = max(1, len(pictures) - HELD_OUT)
    middle = (last + len(pictures)) // 2  # no other numbers in turn: those have other formats
    softer = min(last, REPAINTED)
    repainted = Repainted(pictures, folder, work, [*range(softer), *range(last, len(pictures))])

    def step(rng: Generator) -> tuple[Tensor, Mapping[str, float]]:
        plain = rng.integers(last, size=BATCH // 2).tolist()
        soft = rng.integers(softer, size=BATCH // 2).tolist()
        views = [disturb(pictures.pixels(i), rng) for i in plain]
        views += [disturb(repainted.pixels(i), rng) for i in soft]
        chosen = plain + soft
        asked = torch.from_numpy(np.stack([view.asked for view in views])).to(device())
        wanted = torch.from_numpy(amounts_of([pictures.scene(i) for i in chosen])).to(device())
        with autocast():
            logits, amounts = net(_to_tensor([view.pixels for view in views]))
        presence = _mean(
            binary_cross_entropy_with_logits(
                logits.float(), (wanted > 0).float(), reduction="none"
            ),
            asked,
        )
        weight = asked * torch.where(wanted > 0, 1.0, 0.05)
        amount = _mean(smooth_l1_loss(amounts.float(), wanted, reduction="none", beta=0.3), weight)
        return presence + amount, {"presence": presence.item(), "amount": amount.item()}

    net.train()
    # Running statistics of the layers are not averaged, so neither may the weights be.
    origin = pictures.origin + repainted.origin
    run("judge", net, Plan(steps=steps, rate=2e-3, decay=0.7, origin=origin), step, work)
    choosing, reporting = range(last, middle), range(middle, len(pictures))
    undecided = Judge(net.cpu(), dict.fromkeys(CONCEPTS, 0.5))
    sides = [judge_all(undecided, one, choosing).presence for one in (pictures, repainted)]
    truth = amounts_of([pictures.scene(i) for i in choosing]) > 0
    judge.save(net, choose_thresholds(np.concatenate(sides), np.tile(truth, (2, 1))), path)
    for name, one in (("painted", pictures), ("through the codec", repainted)):
        verdict = judge_all(Judge.load(path), one, reporting)
        print(f"{name}:\n{report(verdict, pictures, reporting)}")


@torch.no_grad()
def _repaint(
    pictures: Pictures, folder: Path, work: Path, numbers: Sequence[int]
) -> NDArray[np.uint8]:
    """[n, 128, 128, 3]: what the codec makes of their latents, some of these a little rough."""
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    vae.to(device(), memory_format=torch.channels_last).eval()
    latents = Latents(pictures, vae, work, 1)
    draw = torch.Generator("cpu").manual_seed(0)
    made = np.zeros((len(numbers), judge.SIDE, judge.SIDE, 3), np.uint8)
    for row, number in enumerate(tqdm(numbers, desc="repainting")):
        latent = latents.batch([number])
        rough = (
            ROUGHNESS * torch.rand(1, generator=draw) * torch.randn(latent.shape, generator=draw)
        )
        with autocast():
            painted = vae.decode((latent + rough.to(latent)) / vae.config.scaling_factor).sample
        pixels = (painted.float().clamp(-1, 1) * 127.5 + 127.5).round().byte()
        made[row] = judge.shrink(Image.fromarray(pixels[0].permute(1, 2, 0).numpy(force=True)))
    return made


def _digest(pictures: Pictures, folder: Path, numbers: Sequence[int]) -> str:
    """Of the pictures, of which of them, and of the codec."""
    digest = hashlib.sha256(pictures.origin.encode())
    digest.update(repr(list(numbers)).encode())
    for file in sorted((folder / "vae").glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def amounts_of(scenes: Sequence[Scene]) -> NDArray[np.float32]:
    """[n, concepts], 0 for absent."""
    return np.array(
        [[scene.amounts.get(concept, 0.0) for concept in CONCEPTS] for scene in scenes], np.float32
    )


def disturb(pixels: NDArray[np.uint8], rng: Generator) -> View:
    """One picture [h, w, 3] as it might be met: cut, mirrored, recoloured, softened."""
    asked = dict.fromkeys(CONCEPTS, True)
    image = judge.shrink(Image.fromarray(pixels), _random_box(pixels, rng))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        image = soften(image, rng)
        asked["blur"] = False
    seen = np.asarray(image).astype(np.float32) / 255
    if rng.random() < 0.5:
        seen = recolour(seen, rng)
        asked |= dict.fromkeys(COLOURED, False)
    else:
        seen = seen * rng.uniform(0.94, 1.06) + rng.uniform(-0.02, 0.02)
    if rng.random() < 0.3:
        seen = seen + rng.normal(0, rng.uniform(0.01, 0.04), seen.shape)
    return View(
        pixels=(np.clip(seen, 0, 1) * 255).round().astype(np.uint8),
        asked=np.array([asked[concept] for concept in CONCEPTS]),
    )


def soften(image: Image.Image, rng: Generator) -> Image.Image:
    """The picture blurred, as a coarser one enlarged, or as a poor JPEG."""
    match rng.integers(3):
        case 0:
            return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.2)))
        case 1:
            side = int(rng.integers(56, 112))
            small = image.resize((side, side), Image.Resampling.BOX)
            return small.resize(image.size, Image.Resampling.BICUBIC)
        case _:
            image.save(file := io.BytesIO(), "JPEG", quality=int(rng.integers(25, 80)))
            return Image.open(file).convert("RGB")


def recolour(seen: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Other hues, saturation, brightness and contrast, [h, w, 3], 0 to 1."""
    angle = rng.uniform(-np.pi, np.pi) * rng.random()
    grey = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    # Rodrigues: a turn about the grey axis, the rest scaled by the saturation.
    turn = grey + rng.uniform(0.4, 1.4) * (
        np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * cross
    )
    turned = np.clip(seen @ turn.T.astype(np.float32), 0, 1)
    return turned ** rng.uniform(0.65, 1.5) * rng.uniform(0.8, 1.15)


def choose_thresholds(presence: NDArray[np.float32], truth: NDArray[np.bool_]) -> dict[str, float]:
    """For every concept the share from which most are right, absent and present counting alike.

    presence, truth: [n, concepts].
    """
    thresholds = {}
    for column, concept in enumerate(CONCEPTS):
        found = [balanced(presence[:, column] >= share, truth[:, column]) for share in GRID]
        near = GRID[np.array(found) >= max(found) - 0.004]
        thresholds[concept] = round(float(near.mean()), 3)
    return thresholds


def balanced(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """The mean of the shares right among the present and among the absent."""
    shares = [
        (said[truth == side] == side).mean() for side in (True, False) if (truth == side).any()
    ]
    return float(np.mean(shares))


def judge_all(one: Judge, pictures: Pictures | Repainted, chosen: Sequence[int]) -> JudgeVerdict:
    """The verdict on the pictures of those numbers."""
    parts = [
        one.judge([Image.fromarray(pictures.pixels(i)) for i in chosen[start : start + 64]])
        for start in range(0, len(chosen), 64)
    ]
    return JudgeVerdict(
        presence=np.concatenate([part.presence for part in parts]),
        amounts=np.concatenate([part.amounts for part in parts]),
    )


def report(verdict: JudgeVerdict, pictures: Pictures, chosen: Sequence[int]) -> str:
    """A line a concept: right, right by halves, and how well its amount is told."""
    wanted = amounts_of([pictures.scene(i) for i in chosen])
    lines = [f"{'concept':12}{'shown':>6}{'right':>8}{'balanced':>10}{'amount r':>10}"]
    for column, concept in enumerate(CONCEPTS):
        truth, said = wanted[:, column] > 0, verdict.shows(concept)
        amount = _correlation(verdict.amounts[truth, column], wanted[truth, column])
        lines.append(
            f"{concept:12}{truth.sum():6}{(said == truth).mean():8.1%}"
            f"{balanced(said, truth):10.1%}{amount:>10}"
        )
    halves = [balanced(verdict.shows(name), wanted[:, i] > 0) for i, name in enumerate(CONCEPTS)]
    return "\n".join([*lines, f"{'mean':12}{np.mean(halves):24.1%}"])


def _correlation(told: NDArray[np.float32], wanted: NDArray[np.float32]) -> str:
    if len(wanted) < 3 or np.ptp(wanted) == 0 or np.ptp(told) == 0:
        return "-"
    return f"{np.corrcoef(told, wanted)[0, 1]:.2f}"


def _random_box(pixels: NDArray[np.uint8], rng: Generator) -> tuple[float, float, float, float]:
    height, width = pixels.shape[:2]
    across, down = width * rng.uniform(0.88, 1), height * rng.uniform(0.88, 1)
    left, top = rng.uniform(0, width - across), rng.uniform(0, height - down)
    return (left, top, left + across, top + down)


def _to_tensor(pixels: Sequence[Pixels]) -> Tensor:
    stacked = torch.from_numpy(np.stack(pixels)).to(device())
    return stacked.permute(0, 3, 1, 2).float() / 127.5 - 1


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp_min(1)
