"""Latents become the colours that the plain pipeline would round, or are refused."""

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image, ImageChops

from generation.pipeline.decoding import decode_latents
from generation.pipeline.encoding import round_colours
from generation.spec.errors import NotFinite

pytestmark = pytest.mark.usefixtures("inference")


def some_latents() -> torch.Tensor:
    return torch.randn(1, 4, 8, 10, generator=torch.Generator().manual_seed(3))


def test_pixels_equal_those_of_the_plain_pipeline(pipe: StableDiffusionXLPipeline) -> None:
    latents = some_latents()
    decoded = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    plain = pipe.image_processor.postprocess(decoded, output_type="pil")[0]

    image = Image.fromarray(round_colours(decode_latents(pipe.vae, latents), 8))

    assert (image.mode, image.size) == ("RGB", (80, 64))
    assert ImageChops.difference(image, plain).getbbox() is None


def test_colours_are_those_of_the_decoder_unrounded(pipe: StableDiffusionXLPipeline) -> None:
    colours = decode_latents(pipe.vae, some_latents())

    assert (colours.shape, colours.dtype, colours.device.type) == (
        (64, 80, 3),
        torch.float32,
        "cpu",
    )
    assert 0 <= colours.min() < colours.max() <= 1
    assert len(torch.unique(colours)) > 2000


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_latents_that_are_not_finite_are_refused(
    pipe: StableDiffusionXLPipeline, value: float
) -> None:
    latents = some_latents()
    latents[0, 0, 0, 0] = value

    with pytest.raises(NotFinite, match="The denoised latents hold 1 of 320"):
        decode_latents(pipe.vae, latents)


def test_a_decoder_that_overflows_is_refused(pipe: StableDiffusionXLPipeline) -> None:
    with pytest.raises(NotFinite, match="The decoded colours"):
        decode_latents(pipe.vae, torch.full((1, 4, 8, 8), 3e38))
