"""Train the miniature from nothing: `python -m generation.miniature.train all`.

Paints its own pictures, learns its words, and writes weights in the layouts of diffusers and
h94/IP-Adapter. A run that was stopped goes on where it was when the same command is given again;
a part that is finished is not trained twice. Takes hours on two CPU cores, and runs on a GPU where
there is one.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from generation.miniature import colours, judge
from generation.miniature.training import (
    adapter,
    begun,
    judging,
    layout,
    text,
    tokenizer,
    unet,
    vae,
    vision,
)
from generation.miniature.training.pictures import Pictures
from generation.spec.profiles import MINIATURE

WORK = Path(".data") / "miniature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How much is painted and learnt, in batches; unet and adapter learn at two sizes."""

    pictures: int
    text: int
    vae: int
    unet: tuple[int, int]
    decoder: int
    vision: int
    adapter: tuple[int, int]
    judge: int


FULL = Course(
    pictures=10_240,
    text=1_600,
    vae=1_800,
    unet=(1_500, 6_600),
    decoder=700,
    vision=2_000,
    adapter=(600, 1_400),
    judge=4_800,
)
TRIAL = Course(
    pictures=32, text=2, vae=2, unet=(2, 2), decoder=2, vision=2, adapter=(2, 2), judge=2
)
"""Every part for two steps: whether all of it runs, not whether it paints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where a part finds its pictures and checkpoints, and puts its weights."""

    course: Course
    work: Path
    weights: Path

    def pictures(self) -> Pictures:
        return Pictures(self.work, self.course.pictures)


def train_words(shop: Workshop) -> None:
    tokenizer.build(shop.weights)
    text.train(shop.weights, shop.work, shop.course.text)


def train_vae(shop: Workshop) -> None:
    vae.train(shop.pictures(), shop.weights, shop.work, shop.course.vae)


def train_unet(shop: Workshop) -> None:
    unet.train(shop.pictures(), shop.weights, shop.work, shop.course.unet)
    layout.write(shop.weights)


def train_decoder(shop: Workshop) -> None:
    vae.train_decoder(shop.pictures(), shop.weights, shop.work, shop.course.decoder)


def train_vision(shop: Workshop) -> None:
    vision.train(shop.pictures(), shop.weights, shop.work, shop.course.vision)


def train_adapter(shop: Workshop) -> None:
    adapter.train(shop.pictures(), shop.weights, shop.work, shop.course.adapter)


def fit_previews(shop: Workshop) -> None:
    colours.fit(shop.pictures(), shop.weights)


def train_judge(shop: Workshop) -> None:
    path = (
        judge.PATH if shop.weights.resolve() == MINIATURE.folder else shop.weights / judge.PATH.name
    )
    judging.train(shop.pictures(), shop.weights, shop.work, shop.course.judge, path)


PARTS: Mapping[str, Callable[[Workshop], None]] = {
    "words": train_words,
    "vae": train_vae,
    "unet": train_unet,
    "decoder": train_decoder,
    "vision": train_vision,
    "adapter": train_adapter,
    "previews": fit_previews,
    "judge": train_judge,
}


def _open_shop(is_trial: bool, work: Path | None, weights: Path | None) -> Workshop:
    if is_trial:
        work = work or WORK / "trial"
        return Workshop(course=TRIAL, work=work, weights=weights or work / "weights")
    return Workshop(course=FULL, work=work or WORK, weights=weights or MINIATURE.folder)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(
        prog="python -m generation.miniature.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "part",
        choices=["all", *PARTS],
        help="what to train; all: each in this order, since later parts need the earlier ones",
    )
    parser.add_argument(
        "--work",
        type=Path,
        help=f"folder of the painted pictures and the checkpoints (about 3 GB); {WORK}",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        help="folder the weights are written to; those of this installation",
    )
    parser.add_argument(
        "--begun",
        type=Path,
        help="folder of a course that was packed elsewhere, to go on with where WORK has no more",
    )
    parser.add_argument(
        "--trial",
        action="store_true",
        help="two steps of each part on 32 pictures, in folders of its own: does all of it run?",
    )
    given = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    shop = _open_shop(given.trial, given.work, given.weights)
    if given.trial and shop.weights.resolve() == MINIATURE.folder:
        parser.error(f"--trial would replace the weights in {shop.weights}. Name another folder.")
    if given.begun:
        begun.unpack(given.begun, shop.work)
    for name in PARTS if given.part == "all" else [given.part]:
        PARTS[name](shop)


if __name__ == "__main__":
    main()
