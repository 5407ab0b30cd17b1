"""Previews look like the picture that is going to be."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image

from generation.pipeline.engine import Engine
from generation.pipeline.preview import (
    SDXL,
    LatentColours,
    fit_colours,
    paint_preview,
    read_colours,
)
from generation.spec.errors import ModelUnavailable
from generation.spec.profiles import MINIATURE
from generation.spec.progress import StepProgress
from tests.pipeline.orders import quick_request


class PreviewLog:
    """Keeps every preview, opened."""

    def __init__(self) -> None:
        self.previews: list[Image.Image] = []

    def on_step(self, progress: StepProgress) -> None:
        assert progress.preview is not None
        self.previews.append(Image.open(io.BytesIO(progress.preview())))

    def check(self) -> None:
        pass


def colour_error(preview: Image.Image, picture: Image.Image) -> float:
    """The mean difference of a channel, 0 to 255."""
    small = np.asarray(picture.resize(preview.size, Image.Resampling.BOX), dtype=np.float32)
    return float(np.abs(np.asarray(preview, dtype=np.float32) - small).mean())


def test_previews_come_near_the_picture(engine: Engine) -> None:
    log = PreviewLog()

    picture = engine.generate(quick_request(width=256, height=192, steps=12), log)

    final = Image.open(io.BytesIO(picture.file))
    errors = [colour_error(preview, final) for preview in log.previews]
    assert {(preview.format, preview.size) for preview in log.previews} == {("JPEG", (32, 24))}
    assert len(errors) == 12
    assert errors[-1] < 20
    assert errors[-1] < errors[0] / 2


def test_the_miniature_has_colours_of_its_own(pipe: StableDiffusionXLPipeline) -> None:
    own = read_colours(MINIATURE.folder)
    latent = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5)) * 0.7
    with torch.inference_mode():
        decoded = pipe.vae.decode(latent / pipe.vae.config.scaling_factor).sample
    picture = pipe.image_processor.postprocess(decoded.clamp(-1, 1), output_type="pil")[0]

    def error(colours: LatentColours) -> float:
        return colour_error(Image.open(io.BytesIO(paint_preview(latent, colours))), picture)

    assert error(own) < error(SDXL) / 1.5


def test_a_folder_without_colours_has_those_of_sdxl(tmp_path: Path) -> None:
    assert read_colours(tmp_path) is SDXL


@pytest.mark.parametrize(
    "text", ["{", "[]", json.dumps({"factors": [[1]], "bias": [0, 0, 0]}), json.dumps({})]
)
def test_colours_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "preview.json").write_text(text)
    with pytest.raises(ModelUnavailable, match=r"preview\.json must hold"):
        read_colours(tmp_path)


def test_a_broken_latent_still_gives_a_preview() -> None:
    latent = torch.full((1, 4, 8, 8), float("nan"))
    image = Image.open(io.BytesIO(paint_preview(latent, SDXL)))
    assert np.asarray(image).max() == 0


def test_the_fit_finds_what_made_the_colours() -> None:
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(3, 4, 8, 8, generator=generator)
    colours = latents.permute(0, 2, 3, 1) @ SDXL.factors + SDXL.bias
    pictures = colours.permute(0, 3, 1, 2).repeat_interleave(8, 2).repeat_interleave(8, 3)

    fitted = fit_colours(latents, pictures)

    assert torch.allclose(fitted.factors, SDXL.factors, atol=1e-4)
    assert torch.allclose(fitted.bias, SDXL.bias, atol=1e-4)
