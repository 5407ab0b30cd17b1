"""From a request to a finished picture, with the real miniature."""

import hashlib
import io
import subprocess
import sys

import pytest
from diffusers import StableDiffusionXLPipeline
from PIL import ExifTags, Image, ImageChops, ImageStat

from generation.pipeline.engine import Engine
from generation.pipeline.placement import CPU
from generation.spec.errors import NotFinite, OutOfMemory, PromptUnreadable, StopGeneration
from generation.spec.faults import FAULT_VARIABLE, Fault, FaultKind
from generation.spec.formats import FORMATS, FileFormat
from generation.spec.installation import hash_file
from generation.spec.profiles import MINIATURE
from generation.spec.request import GenerationRequest
from tests.pipeline.orders import QUICK, StepLog, StopAt, quick_request

ELSEWHERE = """
import hashlib
from generation.pipeline.engine import Engine
from generation.spec.profiles import MINIATURE
from tests.pipeline.orders import QUICK, StepLog
print(hashlib.sha256(Engine.load(MINIATURE).generate(QUICK, StepLog()).file).hexdigest())
"""
"""In the checkout's folder, with as many threads as here."""


def paint(engine: Engine, request: GenerationRequest) -> Image.Image:
    return Image.open(io.BytesIO(engine.generate(request, StepLog()).file))


def parameters_of(image: Image.Image) -> str:
    """The settings, from where each format keeps them."""
    if image.format == "PNG":
        return image.text["parameters"]
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    return comment.removeprefix(b"UNICODE\0").decode("utf-16-be")


def brightness(image: Image.Image) -> float:
    """The mean grey, 0 to 255."""
    return float(ImageStat.Stat(image.convert("L")).mean[0])


def test_a_picture_is_painted_and_every_step_told(engine: Engine) -> None:
    listener = StepLog()

    picture = engine.generate(quick_request(width=128, height=128, steps=30), listener)

    image = Image.open(io.BytesIO(picture.file))
    assert (picture.width, picture.height) == (128, 128)
    assert (image.mode, image.size) == ("RGB", (128, 128))
    assert brightness(image) > 60
    assert min(ImageStat.Stat(image).stddev) > 20
    assert [heard.step for heard in listener.heard] == list(range(1, 31))
    assert image.text["parameters"].startswith("a castle on a hill at noon\nSteps: 30, ")
    assert ", Model: Imagen miniature, Profile: miniature, " in image.text["parameters"]
    digest = hash_file(MINIATURE.folder / "unet" / "diffusion_pytorch_model.safetensors")
    assert f", UNet hash: {digest[:10]}, " in image.text["parameters"]


def test_the_size_may_be_oblong(engine: Engine) -> None:
    assert paint(engine, quick_request(width=96, height=64)).size == (96, 64)


def test_the_same_request_gives_the_same_bytes_and_another_seed_others(engine: Engine) -> None:
    first = engine.generate(QUICK, StepLog()).file
    again = engine.generate(QUICK, StepLog()).file
    other = engine.generate(quick_request(seed=8), StepLog()).file

    assert first == again
    assert Image.open(io.BytesIO(first)).tobytes() != Image.open(io.BytesIO(other)).tobytes()


@pytest.mark.parametrize("file_format", FORMATS.values(), ids=FORMATS)
def test_every_format_is_the_same_picture_with_its_settings(
    engine: Engine, file_format: FileFormat
) -> None:
    request = quick_request(output_format=file_format.name)
    picture = engine.generate(request, StepLog())
    image = Image.open(io.BytesIO(picture.file))

    assert (picture.format, image.size) == (file_format, (64, 64))
    assert parameters_of(image).startswith("a castle on a hill at noon\nSteps: ")
    assert parameters_of(image) == parameters_of(paint(engine, QUICK))
    difference = ImageChops.difference(image.convert("RGB"), paint(engine, QUICK))
    assert max(ImageStat.Stat(difference).rms) < 4
    assert engine.generate(request, StepLog()) == picture


def test_another_process_paints_the_same_bytes(engine: Engine) -> None:
    here = hashlib.sha256(engine.generate(QUICK, StepLog()).file).hexdigest()

    elsewhere = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, check=True, timeout=120
    )

    assert elsewhere.stdout.strip() == here


def test_the_largest_seed_is_accepted(engine: Engine) -> None:
    assert paint(engine, quick_request(seed=2**53 - 1, steps=1)).size == (64, 64)


def test_a_stop_comes_out_unchanged_and_the_next_run_is_as_ever(engine: Engine) -> None:
    before = engine.generate(QUICK, StepLog())
    stop = StopGeneration()

    with pytest.raises(StopGeneration) as caught:
        engine.generate(QUICK, StopAt(2, stop))

    assert caught.value is stop
    assert engine.generate(QUICK, StepLog()) == before


def test_an_ordered_shortage_is_out_of_memory_and_the_next_run_works(
    pipe: StableDiffusionXLPipeline, engine: Engine
) -> None:
    fault = Fault(kind=FaultKind.OUT_OF_MEMORY, step=3)
    faulty = Engine(profile=MINIATURE, pipe=pipe, placement=CPU, fault=fault)
    listener = StepLog()

    with pytest.raises(OutOfMemory):
        faulty.generate(QUICK, listener)

    assert len(listener.heard) == 3
    assert faulty.generate(quick_request(steps=2), StepLog()).width == 64
    assert engine.generate(QUICK, StepLog()).width == 64


def test_load_reads_the_ordered_fault_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FAULT_VARIABLE, "out_of_memory:1")
    engine = Engine.load(MINIATURE)
    monkeypatch.delenv(FAULT_VARIABLE)

    with pytest.raises(OutOfMemory):
        engine.generate(QUICK, StepLog())


def test_load_refuses_an_unknown_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FAULT_VARIABLE, "explode:1")

    with pytest.raises(ValueError, match="IMAGEN_FAULT is 'explode:1'"):
        Engine.load(MINIATURE)


def test_an_unreadable_prompt_tells_no_step(engine: Engine) -> None:
    listener = StepLog()

    with pytest.raises(PromptUnreadable):
        engine.generate(quick_request(prompt="a cat.swap(dog)"), listener)

    assert listener.heard == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_model_that_yields_nan_is_refused_in_every_format(
    pipe: StableDiffusionXLPipeline, engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bias = pipe.unet.conv_out.bias
    monkeypatch.setattr(bias, "data", bias.data * float("nan"))

    with pytest.raises(NotFinite):
        engine.generate(quick_request(output_format=name), StepLog())
