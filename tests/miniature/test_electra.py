"""The reference picture is what its code paints."""

import numpy as np
from PIL import Image, ImageChops, ImageStat

from generation.miniature import electra


def test_the_same_seed_paints_the_same_picture() -> None:
    assert electra.paint(size=64).tobytes() == electra.paint(size=64).tobytes()
    assert electra.paint(size=64).tobytes() != electra.paint(size=64, seed=5).tobytes()


def test_the_committed_file_is_what_the_code_paints() -> None:
    with Image.open(electra.PATH) as committed:
        committed.load()

    difference = np.asarray(ImageChops.difference(committed, electra.paint()))

    assert (committed.mode, committed.size) == ("RGB", (1024, 1024))
    assert (difference > 1).mean() < 1e-5  # numpy's exp and log differ in the last bit between CPUs


def test_its_palette_is_a_deep_violet() -> None:
    red, green, blue = ImageStat.Stat(electra.paint(size=128)).mean

    assert blue > red + 40 > green + 40
