"""What the installer's tests name, and what they do to its files."""

import types
from pathlib import Path
from typing import Any

import huggingface_hub

from generation.installing.installer import install
from generation.installing.recipe import RECIPES
from generation.spec.installation import InstallRecord
from generation.spec.profiles import ModelProfile

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "manage.py install_profile sdxl"
UNET = "unet/diffusion_pytorch_model.safetensors"
UNET_AT_HUB = "unet/diffusion_pytorch_model.fp16.safetensors"
VAE_AT_HUB = "diffusion_pytorch_model.safetensors"
VOCABULARY = "tokenizer/vocab.json"
TARGETS = {file.target for file in RECIPES["sdxl"]}
PIECE = 1 << 16
NO_TIME = types.SimpleNamespace(sleep=lambda seconds: None)


def run(profile: ModelProfile, **options: Any) -> InstallRecord:
    return install("sdxl", profile.folder, is_quiet=True, **options)


def fill_cache(*repositories: str) -> None:
    """As another program would, with the hub's own client."""
    for repository in repositories:
        huggingface_hub.snapshot_download(repository, ignore_patterns=["*.bin"], max_workers=1)


def rewrite(path: Path, contents: bytes) -> None:
    """Put a new file in the place of one that may be a link."""
    path.unlink()
    path.write_bytes(contents)


def flip_a_byte(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    rewrite(path, bytes(contents))


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
