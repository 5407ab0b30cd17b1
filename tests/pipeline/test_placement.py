"""The plan for a GPU, on a machine without one: models visit a device that is only claimed."""

import contextlib
import dataclasses
import hashlib
import io
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image
from torch import nn

from generation.pipeline.engine import Engine
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import Placement, place
from generation.pipeline.prompts import PromptEncoder
from generation.spec.errors import OutOfMemory, StopGeneration
from generation.spec.plans import PLANS, MemoryPlan, plan_called
from generation.spec.profiles import MINIATURE, ModelProfile
from generation.spec.request import GenerationRequest
from tests.pipeline.claimed_device import claimed_gpu
from tests.pipeline.orders import StepLog, StopAt, quick_request

SMALL = dataclasses.replace(plan_called("offload"), whole_px=256 * 256)
"""Each part comes while it works; pictures above the miniature's own size are decoded in tiles."""

LONG = "a castle on a hill at noon " * 30
WEIGHTED = "a (castle)1.4 on a (hill)0.4 at noon"
CLAIMED = torch.device("cuda", 0)
TEXT_TO_IMAGE = {"text_encoder", "text_encoder_2", "unet", "vae"}


def _red_png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, format="PNG")
    return file.getvalue()


def _on_card(plan: MemoryPlan, dtype: torch.dtype = torch.float32) -> Placement:
    """Half precision takes a CPU ten times as long, so one test of it is enough."""
    return Placement(device="cuda", dtype=dtype, plan=plan)


REFERENCE = _red_png()
STYLED = {"ip_strength": 0.6, "reference": hashlib.sha256(REFERENCE).hexdigest()}


class PreviewLog(StepLog):
    """Paints every preview, as a viewer would have it done, while the UNet is on the GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.previews: list[bytes] = []

    def on_step(self, progress: object) -> None:
        super().on_step(progress)
        self.previews.append(progress.preview())


@dataclasses.dataclass
class Run:
    """One forward of a model: where it lay, which models were on the GPU, whether tiles are on."""

    model: str
    device: torch.device
    guests: set[str]
    is_tiling: bool


@pytest.fixture(scope="module")
def offloaded() -> StableDiffusionXLPipeline:
    """Loaded outside claimed_gpu: transformers skips its initialisation under such modes."""
    return load_pipeline(MINIATURE, _on_card(SMALL))


@pytest.fixture
def freed(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows each time the GPU's free memory is given back.

    placement.release asks is_initialized, which this build of torch answers with no, and
    empty_cache would then call into CUDA. Nothing else of torch.cuda is needed.
    """
    calls: list[None] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append(None))
    return calls


@pytest.fixture(autouse=True)
def own_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels last rounds otherwise on a CPU: tests/pipeline/test_speed.py looks at it alone."""
    monkeypatch.setattr("generation.pipeline.engine.lay_out", lambda _pipe, _placement: None)


@pytest.fixture
def gpu(freed: list[None]) -> Iterator[None]:
    with claimed_gpu():
        yield


@pytest.fixture
def on_gpu(offloaded: StableDiffusionXLPipeline, gpu: None) -> Engine:
    return _engine(offloaded)


def _engine(pipe: StableDiffusionXLPipeline, profile: ModelProfile = MINIATURE) -> Engine:
    return Engine(profile=profile, pipe=pipe, placement=_on_card(SMALL), fault=None)


def _models(pipe: StableDiffusionXLPipeline) -> dict[str, nn.Module]:
    return {name: part for name, part in pipe.components.items() if isinstance(part, nn.Module)}


def _guests(pipe: StableDiffusionXLPipeline) -> set[str]:
    """The models of which anything, a buffer included, lies on the GPU."""
    return {
        name
        for name, model in _models(pipe).items()
        if any(t.device == CLAIMED for t in (*model.parameters(), *model.buffers()))
    }


@contextlib.contextmanager
def _watched(pipe: StableDiffusionXLPipeline) -> Iterator[list[Run]]:
    """Inside, each forward is written down once it is through. Of the VAE only the decoder runs."""
    runs: list[Run] = []

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def write_down(*_call: object) -> None:
            device = next(module.parameters()).device
            runs.append(Run(name, device, _guests(pipe), pipe.vae.use_tiling))

        return module.register_forward_hook(write_down)

    watched = _models(pipe) | {"vae": pipe.vae.decoder}
    handles = [watch(name, module) for name, module in watched.items()]
    try:
        yield runs
    finally:
        for handle in handles:
            handle.remove()


def _paint(engine: Engine, request: GenerationRequest) -> bytes:
    return engine.generate(request, StepLog(), REFERENCE).file


@pytest.mark.parametrize(
    ("changes", "visitors"),
    [
        pytest.param({}, TEXT_TO_IMAGE, id="plain"),
        pytest.param({"prompt": WEIGHTED}, TEXT_TO_IMAGE, id="weighted"),
        pytest.param({"prompt": LONG}, TEXT_TO_IMAGE, id="long"),
        pytest.param({"negative_prompt": " "}, TEXT_TO_IMAGE, id="blank negative"),
        pytest.param({"negative_prompt": LONG}, TEXT_TO_IMAGE, id="long negative"),
        pytest.param({"prompt": LONG, "negative_prompt": WEIGHTED}, TEXT_TO_IMAGE, id="padded"),
        pytest.param({"guidance_scale": 1.0}, TEXT_TO_IMAGE, id="unguided"),
        pytest.param(STYLED, {*TEXT_TO_IMAGE, "image_encoder"}, id="styled"),
        pytest.param(
            {**STYLED, "guidance_scale": 1.0, "prompt": WEIGHTED},
            {*TEXT_TO_IMAGE, "image_encoder"},
            id="styled unguided",
        ),
    ],
)
def test_each_model_runs_alone_on_the_gpu_and_paints_what_the_cpu_paints(
    offloaded: StableDiffusionXLPipeline,
    on_gpu: Engine,
    engine: Engine,
    changes: dict[str, object],
    visitors: set[str],
) -> None:
    request = quick_request(steps=2, **changes)
    listener = PreviewLog()

    with _watched(offloaded) as runs:
        picture = on_gpu.generate(request, listener, REFERENCE)

    assert {run.model for run in runs} == visitors
    assert {run.device for run in runs} == {CLAIMED}
    assert [run for run in runs if run.guests != {run.model}] == []
    assert _guests(offloaded) == set()
    assert len(listener.previews) == 2
    assert picture.file == _paint(engine, request)


@pytest.mark.parametrize("negative_prompt", ["", LONG])
def test_each_text_encoder_visits_the_gpu_once(
    offloaded: StableDiffusionXLPipeline, on_gpu: Engine, negative_prompt: str
) -> None:
    with _watched(offloaded) as runs:
        _paint(on_gpu, quick_request(steps=1, negative_prompt=negative_prompt))

    visits = [name for name, _runs in itertools.groupby(run.model for run in runs)]
    assert visits == ["text_encoder", "text_encoder_2", "unet", "vae"]


def test_the_long_prompt_takes_more_than_two_chunks(offloaded: StableDiffusionXLPipeline) -> None:
    assert len(offloaded.tokenizer.tokenize(LONG)) > 150


def test_what_was_encoded_before_is_used_again(
    offloaded: StableDiffusionXLPipeline, on_gpu: Engine
) -> None:
    request = quick_request(steps=1, negative_prompt="night", **STYLED)
    first = _paint(on_gpu, request)

    with _watched(offloaded) as runs:
        again = _paint(on_gpu, request)

    assert again == first
    assert {run.model for run in runs} == {"unet", "vae"}
    assert {run.device for run in runs} == {CLAIMED}


def test_a_prompt_encoder_of_the_wrong_device_is_noticed(
    offloaded: StableDiffusionXLPipeline, on_gpu: Engine
) -> None:
    """What compel #121 is about; and a proof that the claimed device can make a test fail."""
    with (
        pytest.raises(RuntimeError, match="found cpu and cuda:0"),
        torch.inference_mode(),
    ):
        PromptEncoder(offloaded, "cpu").encode(WEIGHTED, LONG)
    on_gpu._release()


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (StopGeneration(), StopGeneration),
        (torch.OutOfMemoryError("CUDA out of memory."), OutOfMemory),
    ],
)
def test_after_a_run_that_broke_off_the_gpu_is_empty_and_the_next_run_as_ever(
    offloaded: StableDiffusionXLPipeline,
    on_gpu: Engine,
    freed: list[None],
    error: Exception,
    raised: type[Exception],
) -> None:
    request = quick_request(steps=2, **STYLED)
    before = _paint(on_gpu, request)
    visitors: list[set[str]] = []

    class BreakOff(StopAt):
        def on_step(self, progress: object) -> None:
            visitors.append(_guests(offloaded))
            freed.clear()
            super().on_step(progress)

    with pytest.raises(raised):
        on_gpu.generate(request, BreakOff(1, error), REFERENCE)

    assert visitors == [{"unet"}]
    assert _guests(offloaded) == set()
    assert freed
    assert _paint(on_gpu, request) == before


def test_every_model_waits_on_the_cpu_the_image_encoder_too() -> None:
    pipe = load_pipeline(MINIATURE, _on_card(SMALL))

    place(pipe, _on_card(SMALL))

    hooked = {name for name, model in _models(pipe).items() if hasattr(model, "_hf_hook")}

    assert hooked == {*TEXT_TO_IMAGE, "image_encoder"}
    assert pipe._execution_device.type == "cuda"
    assert pipe.vae.use_slicing


def test_the_cpu_hooks_no_model(pipe: StableDiffusionXLPipeline) -> None:
    assert not any(hasattr(model, "_hf_hook") for model in _models(pipe).values())


def test_only_a_picture_larger_than_the_models_own_side_is_decoded_in_tiles(
    offloaded: StableDiffusionXLPipeline, on_gpu: Engine
) -> None:
    decodes = []
    for width, height in ((256, 256), (264, 256), (128, 384), (64, 64)):
        with _watched(offloaded) as runs:
            _paint(on_gpu, quick_request(width=width, height=height, steps=1))
        decoder = [run for run in runs if run.model == "vae"]
        assert {run.device for run in decoder} == {CLAIMED}
        decodes.append((width, decoder[0].is_tiling, len(decoder)))

    # 128 x 384 has fewer pixels than 256 x 256.
    assert decodes == [(256, False, 1), (264, True, 4), (128, False, 1), (64, False, 1)]


def test_the_cpu_decodes_in_one(pipe: StableDiffusionXLPipeline, engine: Engine) -> None:
    with _watched(pipe) as runs:
        _paint(engine, quick_request(width=264, height=256, steps=1))

    assert [run.is_tiling for run in runs if run.model == "vae"] == [False]


STAYING = {
    "resident": {*TEXT_TO_IMAGE, "image_encoder"},
    "on-demand": TEXT_TO_IMAGE,
    "visiting": {"unet", "vae"},
    "offload": set(),
    "fp8": set(),
    "streamed": set(),
}
"""Of which parts anything is on the card while nobody paints."""


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_by_each_plan_the_parts_lie_where_it_says_and_the_picture_is_the_cpu_s(
    plan: MemoryPlan, engine: Engine, freed: list[None]
) -> None:
    """Copies of weights may be summed in another order: a colour of some ten thousand differs by
    the last bit. Weights stored in 8 bits are others, so that picture is only near.
    """
    pipe = load_pipeline(MINIATURE, _on_card(plan))
    request = quick_request(steps=2, prompt=WEIGHTED, negative_prompt=LONG, **STYLED)
    wanted = _paint(engine, request)

    with claimed_gpu():
        on_card = Engine(profile=MINIATURE, pipe=pipe, placement=_on_card(plan), fault=None)
        with _watched(pipe) as runs:
            painted = _paint(on_card, request)
        staying = _guests(pipe)
        again = _paint(on_card, request)

    assert staying == STAYING[plan.name]
    at_work = {run.model: run.device for run in runs if plan.unet != "streamed"}
    assert set(at_work.values()) <= {CLAIMED}
    passing = {"unet"} if plan.unet == "streamed" else set()
    assert [run for run in runs if len(run.guests - STAYING[plan.name] - passing) > 1] == []
    beside = [run.guests - {"unet"} for run in runs if run.model == "unet"]
    assert beside == [STAYING[plan.name] - {"unet"}] * request.steps  # no encoder that is done
    assert again == painted
    assert (b"UNet weights: fp8" in painted) is (plan.unet == "fp8")
    assert _narrow_share(pipe.unet) == pytest.approx(0.97 if plan.unet == "fp8" else 0, abs=0.03)
    if plan.unet == "fp8":
        assert 0 < _differences(painted, wanted).mean() < 8
    else:
        assert _differences(painted, wanted).max() <= 1
        assert _differences(painted, wanted).mean() < 0.001


def _narrow_share(model: nn.Module) -> float:
    """Of its weights that are stored in 8 bits; the adapter's own and the norms are not."""
    sizes = {False: 0, True: 0}
    for parameter in model.parameters():
        sizes[parameter.dtype == torch.float8_e4m3fn] += parameter.numel()
    return sizes[True] / sum(sizes.values())


def _differences(one: bytes, other: bytes) -> np.ndarray:
    """Of each pixel's colours, of 255."""
    pictures = [np.asarray(Image.open(io.BytesIO(png)), dtype=float) for png in (one, other)]
    return np.abs(pictures[0] - pictures[1])


def test_weights_that_visit_are_never_copied_back(freed: list[None]) -> None:
    """They stay in host memory; leaving costs nothing."""
    pipe = load_pipeline(MINIATURE, _on_card(SMALL))
    before = [tensor.data_ptr() for tensor in pipe.unet.parameters()]

    with claimed_gpu():
        on_card = Engine(profile=MINIATURE, pipe=pipe, placement=_on_card(SMALL), fault=None)
        _paint(on_card, quick_request(steps=1))

    assert [tensor.data_ptr() for tensor in pipe.unet.parameters()] == before


@pytest.mark.parametrize("overflows", [False, True])
def test_in_half_precision_only_a_vae_that_overflows_stays_whole(
    tmp_path: Path, freed: list[None], overflows: bool
) -> None:
    profile = _copied(tmp_path / "weights", force_upcast=overflows)
    half = _on_card(SMALL, torch.float16)
    pipe = load_pipeline(profile, half)
    precisions = {
        name: {parameter.dtype for parameter in model.parameters()}
        for name, model in _models(pipe).items()
    }

    with claimed_gpu():
        engine = Engine(profile=profile, pipe=pipe, placement=half, fault=None)
        png = _paint(engine, quick_request(steps=1, prompt=WEIGHTED, **STYLED))

    assert precisions.pop("vae") == {torch.float32 if overflows else torch.float16}
    assert set(precisions) == {"text_encoder", "text_encoder_2", "image_encoder", "unet"}
    assert all(found == {torch.float16} for found in precisions.values())
    assert Image.open(io.BytesIO(png)).size == (64, 64)


def _copied(folder: Path, **vae_changes: object) -> ModelProfile:
    """The miniature with another configuration of its VAE."""
    shutil.copytree(MINIATURE.folder, folder)
    config = folder / "vae" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | vae_changes))
    return dataclasses.replace(MINIATURE, folder=folder)


def test_the_claimed_device_behaves_like_one(gpu: None) -> None:
    here, there = torch.ones(2), torch.ones(2, device="cuda")
    model = nn.Linear(2, 2).to("cuda")

    assert (there.device, there[:1].device, (there + 1).device) == (CLAIMED,) * 3
    assert model(there).device == CLAIMED
    assert (there * torch.tensor(2.0)).device == CLAIMED
    assert (here.to(there).device, there.cpu().device) == (CLAIMED, torch.device("cpu"))
    assert here.copy_(there).device == torch.device("cpu")
    for mix in (lambda: here + there, lambda: model(here), lambda: torch.cat([here, there])):
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            mix()
    with pytest.raises(RuntimeError, match="for generator"):
        torch.randn(2, device="cuda", generator=torch.Generator("cpu"))
    with pytest.raises(TypeError, match="to numpy"):
        there.numpy()
