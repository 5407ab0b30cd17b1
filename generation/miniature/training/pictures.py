"""The painted scenes on disk: painted once by all cores, read by every trainer."""

import functools
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from generation.miniature.scenes.painter import paint
from generation.miniature.scenes.scene import SHAPES, Scene, draw_scene

SHARD = 512
SAMPLE = 24
LARGEST = max(width * height for width, height in SHAPES) * 3


class Pictures:
    """The first `count` scenes as pictures, memory-mapped.

    work: gets a folder with a file for every 512 pictures (100 MB); missing ones are painted, so
    that a run that was stopped goes on where it was. What another painter made lies elsewhere.
    origin: a digest of the first pictures.
    """

    def __init__(self, work: Path, count: int) -> None:
        self.count, self._shard = count, min(SHARD, count)
        self.origin = _origin()
        folder = work / f"pictures-{self.origin[:8]}-{self._shard}"
        folder.mkdir(parents=True, exist_ok=True)
        numbers = range(-(-count // self._shard))
        shards = [folder / f"pictures-{number:03}.npy" for number in numbers]
        missing = [
            (path, range(number * self._shard, (number + 1) * self._shard))
            for number, path in enumerate(shards)
            if not path.exists()
        ]
        if missing:
            with ProcessPoolExecutor(os.cpu_count()) as pool:
                painted = pool.map(_paint_shard, missing)
                list(tqdm(painted, total=len(missing), desc=f"painting, {self._shard} each"))
        self._shards = [np.load(path, mmap_mode="r") for path in shards]

    def __len__(self) -> int:
        return self.count

    def scene(self, number: int) -> Scene:
        """What the picture of that number shows."""
        return draw_scene(number)

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """[height, width, 3] sRGB; width and height are those of SHAPES in turn."""
        width, height = SHAPES[number % len(SHAPES)]
        row = self._shards[number // self._shard][number % self._shard]
        return row[: width * height * 3].reshape(height, width, 3)

    def batch(self, numbers: Sequence[int]) -> Tensor:
        """Pictures of one shape, [n, 3, height, width] from -1 to 1."""
        stack = np.stack([self.pixels(number) for number in numbers])
        return torch.from_numpy(stack).permute(0, 3, 1, 2).float() / 127.5 - 1


@functools.cache
def _origin() -> str:
    """What today's painter makes of the first numbers, and what these are meant to show."""
    digest = hashlib.sha256()
    for scene in map(draw_scene, range(SAMPLE)):
        digest.update(repr(scene).encode())
        digest.update(paint(scene).tobytes())
    return digest.hexdigest()


def _paint_shard(task: tuple[Path, range]) -> None:
    path, numbers = task
    rows = np.zeros((len(numbers), LARGEST), np.uint8)
    for row, number in zip(rows, numbers, strict=True):
        pixels = paint(draw_scene(number))
        row[: pixels.size] = pixels.ravel()
    np.save(part := path.with_suffix(".part.npy"), rows)
    part.replace(path)
