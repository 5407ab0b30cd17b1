"""The whole training runs from nothing to a folder that plain diffusers loads and paints with."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image

from generation.miniature.scenes.scene import SHAPES, Scene, draw_scene
from generation.miniature.training import unet


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "generation.miniature.train", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights after two steps of each part."""
    folder = tmp_path_factory.mktemp("trial")
    done = run("all", "--trial", "--work", folder / "work", "--weights", folder / "weights")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_plain_diffusers_paints_with_it(trained: Path) -> None:
    folder = trained / "weights"
    pipe = StableDiffusionXLPipeline.from_pretrained(folder, dtype=torch.float32)
    pipe.load_ip_adapter(
        str(folder / "ip_adapter"),
        subfolder="sdxl_models",
        weight_name="ip-adapter_sdxl.safetensors",
    )
    pipe.set_progress_bar_config(disable=True)
    (picture,) = pipe(
        "a castle",
        width=256,
        height=256,
        num_inference_steps=2,
        ip_adapter_image=Image.new("RGB", (64, 64), "teal"),
    ).images
    assert picture.size == (256, 256)


def test_it_goes_on_without_doing_anything_twice(trained: Path) -> None:
    checkpoint = trained / "work" / "vae.ckpt"
    before = checkpoint.stat().st_mtime_ns
    again = run("vae", "--trial", "--work", trained / "work", "--weights", trained / "weights")
    assert again.returncode == 0, again.stderr[-3000:]
    assert checkpoint.stat().st_mtime_ns == before


def test_a_batch_has_noise_of_every_strength() -> None:
    torch.manual_seed(0)
    _noisy, timesteps, _target = unet.noised(torch.zeros(10, 4, 8, 8))
    bounds = [0, 150, 225, 300, 375, 450, 525, 600, 675, 750, 1000]
    for least, step, most in zip(bounds, sorted(timesteps), bounds[1:], strict=False):
        assert least - 1 <= step < most  # rounding takes a bound just met to the step below


class Drawn:
    """The first scenes, without their pictures."""

    def __len__(self) -> int:
        return 2048

    def scene(self, number: int) -> Scene:
        return draw_scene(number)


def test_a_batch_has_one_shape_and_unusual_lights_come_oftener() -> None:
    course = unet.Course(Drawn(), None, None)
    rng = np.random.default_rng(0)
    numbers = [course.numbers(rng, 64) for _ in range(100)]

    assert all(len({number % len(SHAPES) for number in batch}) == 1 for batch in numbers)
    shown = np.mean([draw_scene(number).strength != 1 for batch in numbers for number in batch])
    drawn = np.mean([draw_scene(number).strength != 1 for number in range(2048)])
    assert shown == pytest.approx(unet.UNUSUAL * drawn / (1 + (unet.UNUSUAL - 1) * drawn), abs=0.02)
