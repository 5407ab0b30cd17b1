"""A folder is loaded whole and silently, or refused by name."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    StableDiffusionXLPipeline,
)
from safetensors.torch import load_file, save_file

from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.spec.errors import ModelUnavailable
from generation.spec.profiles import MINIATURE, ModelProfile
from generation.spec.samplers import EULER, EULER_ANCESTRAL


@pytest.fixture
def copied(tmp_path: Path) -> ModelProfile:
    """The miniature in a folder that may be damaged."""
    folder = tmp_path / "weights"
    shutil.copytree(MINIATURE.folder, folder)
    return dataclasses.replace(MINIATURE, folder=folder)


def test_all_parts_are_float32_on_the_cpu(pipe: StableDiffusionXLPipeline) -> None:
    for part in (pipe.unet, pipe.vae, pipe.text_encoder, pipe.text_encoder_2):
        assert {parameter.dtype for parameter in part.parameters()} == {torch.float32}
        assert part.device.type == "cpu"


def test_the_scheduler_is_dpm_solver_with_karras_sigmas(pipe: StableDiffusionXLPipeline) -> None:
    assert isinstance(pipe.scheduler, DPMSolverMultistepScheduler)
    assert pipe.scheduler.config.use_karras_sigmas is True
    assert pipe.scheduler.config.algorithm_type == "dpmsolver++"
    assert pipe.scheduler.config.prediction_type == "v_prediction"


@pytest.mark.parametrize(
    ("sampler", "kind"),
    [(EULER, EulerDiscreteScheduler), (EULER_ANCESTRAL, EulerAncestralDiscreteScheduler)],
)
def test_a_distilled_model_is_sampled_from_the_last_timestep_on(sampler, kind) -> None:
    pipe = load_pipeline(dataclasses.replace(MINIATURE, sampler=sampler), CPU)

    assert isinstance(pipe.scheduler, kind)
    assert pipe.scheduler.config.timestep_spacing == "trailing"
    assert pipe.scheduler.config.prediction_type == "v_prediction"


def test_no_watermark_is_put_in(pipe: StableDiffusionXLPipeline) -> None:
    assert pipe.watermark is None


def test_loading_prints_nothing() -> None:
    """In a process of its own: the libraries take their verbosity when first imported."""
    load = (
        "from generation.pipeline.loading import load_pipeline\n"
        "from generation.pipeline.placement import CPU\n"
        "from generation.spec.profiles import MINIATURE\n"
        "load_pipeline(MINIATURE, CPU)\n"
    )
    environment = {key: value for key, value in os.environ.items() if "VERBOSITY" not in key}

    loaded = subprocess.run(
        [sys.executable, "-c", load],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (loaded.returncode, loaded.stdout, loaded.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.bin", "old.CKPT", "vae/a/b.pt"])
def test_a_pickle_anywhere_in_the_folder_is_refused(copied: ModelProfile, name: str) -> None:
    pickle = copied.folder / name
    pickle.parent.mkdir(exist_ok=True)
    pickle.write_bytes(b"")

    with pytest.raises(ModelUnavailable, match="Remove it") as caught:
        load_pipeline(copied, CPU)

    assert name in str(caught.value)
    assert str(copied.folder) in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder_2/model.safetensors",
        "tokenizer/tokenizer.json",
        "tokenizer_2/tokenizer_config.json",
        "unet/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ],
)
def test_a_missing_file_is_refused(copied: ModelProfile, name: str) -> None:
    missing = copied.folder / name
    missing.unlink()

    with pytest.raises(ModelUnavailable, match="Copy the whole folder again") as caught:
        load_pipeline(copied, CPU)

    assert str(copied.folder) in str(caught.value)
    assert name.split("/", maxsplit=1)[0] in str(caught.value)
    assert missing.suffix in str(caught.value)


def test_an_absent_folder_is_refused(copied: ModelProfile) -> None:
    shutil.rmtree(copied.folder)

    with pytest.raises(ModelUnavailable, match=r"no readable model_index\.json"):
        load_pipeline(copied, CPU)


@pytest.mark.parametrize(
    "name", ["text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors"]
)
def test_a_truncated_file_is_refused(copied: ModelProfile, name: str) -> None:
    weights = copied.folder / name
    weights.write_bytes(weights.read_bytes()[:-1000])

    with pytest.raises(ModelUnavailable, match=f"{name} is cut off"):
        load_pipeline(copied, CPU)


@pytest.mark.parametrize(
    "name",
    [
        "text_encoder_2/model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "ip_adapter/sdxl_models/image_encoder/model.safetensors",
    ],
)
def test_weights_that_lack_a_tensor_are_refused(copied: ModelProfile, name: str) -> None:
    """The libraries would put noise in its place."""
    tensors = load_file(copied.folder / name)
    lost = sorted(tensors)[0]
    del tensors[lost]
    save_file(tensors, copied.folder / name, metadata={"format": "pt"})

    with pytest.raises(ModelUnavailable, match="1 missing keys, such as"):
        load_pipeline(copied, CPU)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("_class_name", "FluxPipeline", "is a FluxPipeline"),
        ("unet", ["diffusers", "SD3Transformer2DModel"], "as its unet"),
        ("text_encoder_2", None, "as its text_encoder_2"),
    ],
)
def test_another_kind_of_model_is_refused(
    copied: ModelProfile, key: str, value: object, words: str
) -> None:
    index = copied.folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {key: value}))

    with pytest.raises(ModelUnavailable, match=words):
        load_pipeline(copied, CPU)


def test_openvino_s_files_in_sdxl_s_own_repository_are_no_pickles(copied: ModelProfile) -> None:
    (copied.folder / "unet" / "openvino_model.bin").write_bytes(b"weights")

    assert load_pipeline(copied, CPU)


def test_a_file_that_is_no_safetensors_under_its_name_is_refused(copied: ModelProfile) -> None:
    weights = copied.folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({"a": torch.zeros(2)}, weights)

    with pytest.raises(ModelUnavailable, match="no safetensors file"):
        load_pipeline(copied, CPU)


def test_half_precision_files_of_the_fp16_variant_are_found(copied: ModelProfile) -> None:
    for weights in copied.folder.rglob("*.safetensors"):
        weights.rename(weights.with_suffix(".fp16.safetensors"))

    assert load_pipeline(copied, CPU).unet.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("text_encoder/config.json", "hidden_size", 128), ("vae/config.json", "latent_channels", 8)],
)
def test_weights_of_another_shape_are_refused(
    copied: ModelProfile, name: str, key: str, value: int
) -> None:
    config = copied.folder / name
    config.write_text(json.dumps(json.loads(config.read_text()) | {key: value}))

    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load_pipeline(copied, CPU)
