"""From a folder of safetensors to a pipeline that is ready to paint."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionXLPipeline
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from generation.pipeline.memory import is_shortage
from generation.spec.errors import ModelUnavailable
from generation.spec.profiles import ModelProfile

PICKLE_SUFFIXES = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
"""Files that run code when they are read. None is needed, so none may lie in the folder."""

INDEX = "model_index.json"


def load_pipeline(profile: ModelProfile) -> StableDiffusionXLPipeline:
    """Read the profile's folder into an SDXL pipeline with DPM++ 2M Karras; offline and silent.

    All parts are float32, on profile.device. Takes half a second for the miniature.
    Raises ModelUnavailable when a file is missing, damaged or a pickle.
    """
    _refuse_pickles(profile.folder)
    _refuse_gaps(profile.folder)
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    pipe = _read_weights(profile.folder).to(profile.device)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(
        pipe.scheduler.config, use_karras_sigmas=True, algorithm_type="dpmsolver++"
    )
    return pipe


def _read_weights(folder: Path) -> StableDiffusionXLPipeline:
    # Without a dtype transformers 5 keeps the file's, and the parts would silently differ.
    try:
        return StableDiffusionXLPipeline.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            add_watermarker=False,
        )
    except (OSError, ValueError, SafetensorError, RuntimeError) as error:
        if is_shortage(error):
            raise
        raise ModelUnavailable(
            f"The model in {folder} cannot be read: {error} Copy the whole folder again."
        ) from error


def _refuse_pickles(folder: Path) -> None:
    pickles = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICKLE_SUFFIXES)
    if pickles:
        raise ModelUnavailable(
            f"The model in {folder} holds {pickles[0].relative_to(folder)}, which could run code"
            " when it is read. Remove it; only safetensors are loaded."
        )


def _refuse_gaps(folder: Path) -> None:
    """Raises ModelUnavailable for the first file that a component lacks.

    The libraries find most gaps themselves, but transformers 5.23 answers a missing tokenizer
    with an empty one, and a missing configuration of a text encoder with the defaults.
    """
    for component, class_name in _read_components(folder):
        part = folder / component
        for choices in _needed_files(class_name):
            if not any(path.is_file() for pattern in choices for path in part.glob(pattern)):
                raise ModelUnavailable(
                    f"The model in {folder} lacks {component}/{' or '.join(choices)}."
                    " Copy the whole folder again, in diffusers layout."
                )


def _read_components(folder: Path) -> Iterator[tuple[str, str]]:
    """The name and class of each component that the index lists, without those left empty."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The model in {folder} has no readable {INDEX}: {error}"
            " Copy the whole folder again, in diffusers layout."
        ) from error
    for component, entry in index.items():
        if isinstance(entry, list) and entry[1] is not None:
            yield component, entry[1]


def _needed_files(class_name: str) -> tuple[tuple[str, ...], ...]:
    """Glob patterns by class: of each group at least one must match."""
    if "Tokenizer" in class_name:
        vocabulary = (("tokenizer.json", "vocab.json"), ("tokenizer.json", "merges.txt"))
        return (("tokenizer_config.json",), *vocabulary)
    if "Scheduler" in class_name:
        return (("scheduler_config.json",),)
    if "Processor" in class_name:
        return (("preprocessor_config.json",),)
    return (("config.json",), ("*.safetensors",))
