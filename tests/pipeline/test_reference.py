"""A reference picture is encoded once, checked against its digest, and refused when it is none."""

import hashlib
import io
from types import SimpleNamespace

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image

from generation.pipeline.reference import ReferenceEncoder, open_reference
from generation.spec.errors import ModelUnavailable, ReferenceUnreadable
from tests.pipeline.orders import quick_request

pytestmark = pytest.mark.usefixtures("inference")


def picture_file(mode: str = "RGB", kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 77).save(file, format=kind)
    return file.getvalue()


def styled(file: bytes, guidance_scale: float = 5.0):
    digest = hashlib.sha256(file).hexdigest()
    return quick_request(ip_strength=0.6, reference=digest, guidance_scale=guidance_scale)


@pytest.fixture
def references(pipe: StableDiffusionXLPipeline) -> ReferenceEncoder:
    return ReferenceEncoder(pipe, "cpu")


def test_under_guidance_zeros_stand_before_the_picture(references: ReferenceEncoder) -> None:
    file = picture_file()
    style = references.style_of(styled(file), file)
    assert (style.strength, style.image_embeds.shape) == (0.6, (2, 1, 64))
    assert not style.image_embeds[0].any()
    assert style.image_embeds[1].any()


@pytest.mark.parametrize("guidance_scale", [1.0, 0.5, 0.0])
def test_without_guidance_the_picture_stands_alone(references, guidance_scale) -> None:
    file = picture_file()
    style = references.style_of(styled(file, guidance_scale), file)
    assert style.image_embeds.shape == (1, 1, 64)
    assert style.image_embeds.any()


def test_strength_0_asks_no_encoder(references, pipe, monkeypatch) -> None:
    monkeypatch.setattr(pipe.image_encoder, "forward", None)
    style = references.style_of(quick_request(), None)
    assert (style.strength, style.image_embeds.shape) == (0.0, (2, 1, 64))
    assert not style.image_embeds.any()


def test_a_picture_is_known_again_by_its_contents(references, pipe, monkeypatch) -> None:
    file = picture_file()
    first = references.style_of(styled(file), file)
    monkeypatch.setattr(pipe.image_encoder, "forward", None)
    again = references.style_of(styled(file), bytes(bytearray(file)))
    assert torch.equal(again.image_embeds, first.image_embeds)


def test_a_missing_picture_is_unreadable(references: ReferenceEncoder) -> None:
    with pytest.raises(ReferenceUnreadable, match="no reference picture came"):
        references.style_of(styled(picture_file()), None)


def test_another_picture_than_was_asked_for_is_refused(references: ReferenceEncoder) -> None:
    with pytest.raises(ReferenceUnreadable, match="the job asks for"):
        references.style_of(styled(picture_file()), picture_file(size=(41, 30)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_usual_formats_are_read_as_rgb(mode: str, kind: str) -> None:
    assert open_reference(picture_file(mode, kind)).mode == "RGB"


@pytest.mark.parametrize(
    "file", [b"", b"GIF89a", picture_file(kind="BMP"), picture_file()[:60], b"<svg/>"]
)
def test_anything_else_is_unreadable(file: bytes) -> None:
    with pytest.raises(ReferenceUnreadable, match="no readable PNG, JPEG, WEBP"):
        open_reference(file)


def test_another_kind_of_adapter_is_refused() -> None:
    projection = SimpleNamespace(image_projection_layers=[torch.nn.Linear(2, 2)])
    pipe = SimpleNamespace(unet=SimpleNamespace(encoder_hid_proj=projection))
    with pytest.raises(ModelUnavailable, match="a Linear adapter"):
        ReferenceEncoder(pipe, "cpu")
