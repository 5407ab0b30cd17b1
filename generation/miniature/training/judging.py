"""Train the judge of what pictures show, on painted scenes and what becomes of them.

It must know things by their shapes, and pictures softer than the painter's: a third of what it
sees went through the miniature's codec and has its textures, a third was drawn again by the UNet,
without words, and has its edges (and no style any more, so nobody asks for it); half has other
colours (then nobody asks for the light or the palette), half is blurred, coarse or a poor JPEG
(then nobody asks for the style, or whether it is blurred), some is noisy, all is cut and mirrored a
little. It never sees what the miniature makes of words.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from generation.miniature import judge
from generation.miniature.judge import Judge, JudgeNet, JudgeVerdict
from generation.miniature.scenes.scene import Scene
from generation.miniature.training.loop import Plan, autocast, device
from generation.miniature.training.loop import train as run
from generation.miniature.training.pictures import Pictures
from generation.miniature.training.softened import WAYS, Artist, Pixels, Softened
from generation.spec.world import CONCEPTS, LIGHTS, PALETTES, STYLES

BATCH = 48
SOFTENED = 5120  # of the pictures that it learns from, the first
HELD_OUT = 1500  # the last pictures: half choose the thresholds, the other half is reported on
COLOURED = LIGHTS + PALETTES  # concepts that colours alone tell
RAREST = 5.0
TEXTURED = (*STYLES, "blur")  # concepts that softening takes away, or adds
ALL = np.ones(len(CONCEPTS), bool)
GRID = np.linspace(0.1, 0.9, 81)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A picture as the judge in training sees it, and what it may be asked about: [concepts]."""

    pixels: Pixels
    asked: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where some of the pictures of a batch come from. numbers: those that are learnt from."""

    name: str
    pictures: Pictures | Softened
    numbers: Sequence[int]

    @property
    def asked(self) -> NDArray[np.bool_]:
        """[concepts]: all, but no style of what was redrawn, which loses it."""
        lost = STYLES if self.name == "redrawn" else ()
        return np.array([concept not in lost for concept in CONCEPTS])


def train(
    pictures: Pictures, folder: Path, work: Path, steps: int, path: Path = judge.PATH
) -> None:
    """Train the judge, choose its thresholds, write it, and print how often it is right.

    Three sets of pictures apart: one to learn from, one for the thresholds, one for the report.
    folder: holds the trained pipeline. work: for the checkpoint and the pictures that are drawn
    again; a run that was stopped goes on there.
    """
    torch.manual_seed(0)
    net = JudgeNet().to(device())
    last = max(1, len(pictures) - HELD_OUT)
    middle = (last + len(pictures)) // 2  # no other numbers in turn: those have other formats
    softer = min(last, SOFTENED)
    given_back = [*range(softer), *range(last, len(pictures))]
    artist = Artist(pictures, folder, work)
    softened = {way: Softened(way, artist, work, given_back) for way in WAYS}
    sources = [Source(name="painted", pictures=pictures, numbers=range(last))]
    sources += [Source(name=way, pictures=softened[way], numbers=range(softer)) for way in WAYS]
    rareness = _rareness(pictures, range(last))

    def step(rng: Generator) -> tuple[Tensor, Mapping[str, float]]:
        chosen, views = [], []
        for source in sources:
            numbers = rng.choice(source.numbers, BATCH // len(sources)).tolist()
            views += [disturb(source.pictures.pixels(i), rng, source.asked) for i in numbers]
            chosen += numbers
        asked = torch.from_numpy(np.stack([view.asked for view in views])).to(device())
        wanted = torch.from_numpy(amounts_of([pictures.scene(i) for i in chosen])).to(device())
        with autocast():
            logits, amounts = net(_to_tensor([view.pixels for view in views]))
        each, asked = wanted.expand_as(logits), asked.expand_as(logits)
        presence = _mean(
            binary_cross_entropy_with_logits(logits.float(), (each > 0).float(), reduction="none"),
            asked * torch.where(each > 0, rareness, 1.0),
        )
        amount = _mean(
            smooth_l1_loss(amounts.float(), each, reduction="none", beta=0.3),
            asked * torch.where(each > 0, 1.0, 0.05),
        )
        return presence + amount, {"presence": presence.item(), "amount": amount.item()}

    net.train()
    origin = (
        f"{artist.digest(given_back)} {last} {RAREST} {[one.pictures.origin for one in sources]}"
    )
    plan = Plan(steps=steps, rate=1.5e-3, decay=0.7, ema=0.99, muon=True, origin=origin)
    run("judge", net, plan, step, work)
    choosing, reporting = range(last, middle), range(middle, len(pictures))
    undecided = Judge(net.cpu(), dict.fromkeys(CONCEPTS, 0.5))
    presence = [judge_all(undecided, source.pictures, choosing).presence for source in sources]
    truth = amounts_of([pictures.scene(i) for i in choosing]) > 0
    asked = [np.tile(source.asked, (len(choosing), 1)) for source in sources]
    thresholds = choose_thresholds(
        np.concatenate(presence), np.tile(truth, (len(sources), 1)), np.concatenate(asked)
    )
    judge.save(net, thresholds, path)
    for source in sources:
        verdict = judge_all(Judge.load(path), source.pictures, reporting)
        print(f"{source.name}:\n{report(verdict, pictures, reporting, source.asked)}")


def _rareness(pictures: Pictures, numbers: Sequence[int]) -> Tensor:
    """[concepts]: what the presence of each weighs, against 1 for its absence.

    The root, not the whole, of absent over present: else the rare would be called everywhere.
    """
    shown = (amounts_of([pictures.scene(i) for i in numbers]) > 0).mean(0)
    odds = (1 - shown) / np.maximum(shown, 1 / len(numbers))
    return torch.from_numpy(np.sqrt(odds).clip(1, RAREST).astype(np.float32)).to(device())


def amounts_of(scenes: Sequence[Scene]) -> NDArray[np.float32]:
    """[n, concepts], 0 for absent."""
    return np.array(
        [[scene.amounts.get(concept, 0.0) for concept in CONCEPTS] for scene in scenes], np.float32
    )


def disturb(
    pixels: NDArray[np.uint8], rng: Generator, asked_before: NDArray[np.bool_] = ALL
) -> View:
    """One picture [h, w, 3] as it might be met: cut, mirrored, recoloured, softened.

    asked_before: [concepts], what it may be asked about as it is.
    """
    asked = dict(zip(CONCEPTS, asked_before.tolist(), strict=True))
    image = judge.shrink(Image.fromarray(pixels), _random_box(pixels, rng))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        image = soften(image, rng)
        asked |= dict.fromkeys(TEXTURED, False)
    seen = np.asarray(image).astype(np.float32) / 255
    if rng.random() < 0.5:
        seen = recolour(seen, rng)
        asked |= dict.fromkeys(COLOURED, False)
    else:
        seen = grade(seen, rng)
    if rng.random() < 0.3:
        seen = seen + rng.uniform(0.01, 0.04) * rng.standard_normal(seen.shape, np.float32)
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


def grade(seen: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """The same colours a little paler or fuller, darker or brighter, [h, w, 3], 0 to 1."""
    grey = seen.mean(-1, keepdims=True)
    fuller = grey + rng.uniform(0.8, 1.25) * (seen - grey)
    return fuller * rng.uniform(0.94, 1.06) + rng.uniform(-0.02, 0.02)


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


def choose_thresholds(
    presence: NDArray[np.float32], truth: NDArray[np.bool_], asked: NDArray[np.bool_]
) -> dict[str, float]:
    """For every concept the share from which most are right, absent and present counting alike.

    presence, truth: [n, concepts]; asked: likewise, which of them count.
    """
    thresholds = {}
    for column, concept in enumerate(CONCEPTS):
        rows = asked[:, column]
        found = [balanced(presence[rows, column] >= share, truth[rows, column]) for share in GRID]
        near = GRID[np.array(found) >= max(found) - 0.004]
        thresholds[concept] = round(float(near.mean()), 3)
    return thresholds


def balanced(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """The mean of the shares right among the present and among the absent."""
    shares = [
        (said[truth == side] == side).mean() for side in (True, False) if (truth == side).any()
    ]
    return float(np.mean(shares))


def judge_all(one: Judge, pictures: Pictures | Softened, chosen: Sequence[int]) -> JudgeVerdict:
    """The verdict on the pictures of those numbers."""
    parts = [
        one.judge([Image.fromarray(pictures.pixels(i)) for i in chosen[start : start + 64]])
        for start in range(0, len(chosen), 64)
    ]
    return JudgeVerdict(
        presence=np.concatenate([part.presence for part in parts]),
        amounts=np.concatenate([part.amounts for part in parts]),
    )


def report(
    verdict: JudgeVerdict,
    pictures: Pictures,
    chosen: Sequence[int],
    asked: NDArray[np.bool_] = ALL,
) -> str:
    """A line for each concept asked: right, right by halves, and how well its amount is told."""
    wanted = amounts_of([pictures.scene(i) for i in chosen])
    lines = [f"{'concept':12}{'shown':>6}{'right':>8}{'balanced':>10}{'amount r':>10}"]
    halves = []
    for column in np.flatnonzero(asked):
        concept = CONCEPTS[column]
        truth, said = wanted[:, column] > 0, verdict.shows(concept)
        amount = _correlation(verdict.amounts[truth, column], wanted[truth, column])
        halves.append(balanced(said, truth))
        lines.append(
            f"{concept:12}{truth.sum():6}{(said == truth).mean():8.1%}"
            f"{halves[-1]:10.1%}{amount:>10}"
        )
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
