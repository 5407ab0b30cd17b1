"""A model's folder before any of it is loaded: whole, and holding nothing that runs code."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from generation.spec.errors import ModelUnavailable
from generation.spec.installation import (
    InstallRecord,
    find_damage,
    find_misplacement,
    is_whole_safetensors,
    read_record,
)
from generation.spec.profiles import ADAPTER_FILE, ADAPTER_FOLDER, MODEL_INDEX, ModelProfile

PICKLE_SUFFIXES = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
"""Files that run code when they are read. None is needed, so none may lie in the folder."""
HARMLESS_PREFIX = "openvino_"
"""Plain weights under .bin, which lie in SDXL's own repository."""

OTHER_KIND = "Name the folder of an SDXL by IMAGEN_PROFILE."
PIPELINE = "StableDiffusionXLPipeline"
CLASSES = {
    "text_encoder": ("CLIPTextModel",),
    "text_encoder_2": ("CLIPTextModelWithProjection",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_2": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
}
"""What SDXL is made of, by the names in its index; the scheduler is replaced anyway."""


class UnusableFolder(ModelUnavailable):
    """words: what is wrong, to be read behind "The model". remedy: a sentence or a command."""

    def __init__(self, folder: Path, words: str, remedy: str) -> None:
        super().__init__(f"The model in {folder} {words}. {remedy}")
        self.words = words
        self.remedy = remedy


def check_folder(profile: ModelProfile, *, is_deep: bool = True) -> None:
    """Raises UnusableFolder for a pickle, a missing or damaged file, or another kind of model.

    A folder with a record of its installation is compared with it byte by byte, or by the files'
    sizes alone (is_deep False); of any other the headers are read, which tell a file that was cut
    off. Raises ModelUnavailable for a record that cannot be read, or none where there must be one.
    """
    folder = profile.folder
    _refuse_pickles(folder)
    record = read_record(folder)
    if record is not None:
        _refuse_damage(profile, record, is_deep=is_deep)
    elif profile.install_command:
        raise ModelUnavailable(f"{profile.name} is not installed. {profile.remedy}")
    _refuse_gaps(profile)


def _refuse_pickles(folder: Path) -> None:
    pickles = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICKLE_SUFFIXES and not path.name.startswith(HARMLESS_PREFIX)
    )
    if pickles:
        raise UnusableFolder(
            folder,
            f"holds {pickles[0].relative_to(folder)}, which could run code when it is read",
            f"Remove it: rm {shlex.quote(str(pickles[0]))} (only safetensors are loaded).",
        )


def _refuse_damage(profile: ModelProfile, record: InstallRecord, *, is_deep: bool) -> None:
    find = find_damage if is_deep else find_misplacement
    if damage := find(profile.folder, record):
        raise UnusableFolder(profile.folder, f"cannot be read: {damage}", profile.remedy)


def _refuse_gaps(profile: ModelProfile) -> None:
    """Raises ModelUnavailable for the first file that a component lacks.

    The libraries find most gaps themselves, but transformers 5.23 answers a missing tokenizer
    with an empty one, and a missing configuration of a text encoder with the defaults.
    """
    folder = profile.folder
    for component, class_name in _read_components(profile):
        for choices in _needed_files(class_name):
            _require_one(profile, component, choices)
    if profile.has_adapter:
        encoder = f"{ADAPTER_FOLDER}/{ADAPTER_FILE.parent}/image_encoder"
        for choices in _needed_files("CLIPVisionModelWithProjection"):
            _require_one(profile, encoder, choices)
    for weights in sorted(folder.rglob("*.safetensors")):
        _require_whole(weights, profile)


def _require_one(profile: ModelProfile, part: str, choices: tuple[str, ...]) -> None:
    folder = profile.folder / part
    if not any(path.is_file() for pattern in choices for path in folder.glob(pattern)):
        raise UnusableFolder(profile.folder, f"lacks {part}/{' or '.join(choices)}", profile.remedy)


def _require_whole(weights: Path, profile: ModelProfile) -> None:
    if not is_whole_safetensors(weights):
        raise UnusableFolder(
            profile.folder,
            f"cannot be read: {weights.relative_to(profile.folder)} is cut off or no safetensors"
            " file",
            profile.remedy,
        )


def _read_components(profile: ModelProfile) -> Iterator[tuple[str, str]]:
    """The name and class of each component that the index lists, without those left empty."""
    folder = profile.folder
    try:
        index = json.loads((folder / MODEL_INDEX).read_text(encoding="utf-8"))
        kind = index["_class_name"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UnusableFolder(
            folder, f"has no readable {MODEL_INDEX}: {error!r}", profile.remedy
        ) from error
    if kind != PIPELINE:
        raise UnusableFolder(folder, f"is a {kind}, not a {PIPELINE}", OTHER_KIND)
    for component, classes in CLASSES.items():
        entry = index.get(component)
        if not isinstance(entry, list) or entry[-1] not in classes:
            words = f"has {entry!r} as its {component}; SDXL has {classes[0]}"
            raise UnusableFolder(folder, words, OTHER_KIND)
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
