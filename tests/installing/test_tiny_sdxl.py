"""The tiny SDXL looks to the installer as the repositories do."""

from pathlib import Path

import pytest
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from generation.installing.recipe import BASE, RECIPES
from generation.spec.profiles import MINIATURE
from tests.installing.tiny_sdxl import write_repositories


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_repositories(tmp_path_factory.mktemp("clones"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_choice_of_the_recipe_is_there(clones: dict[str, Path], name: str) -> None:
    for file in RECIPES[name]:
        for choice in file.choices:
            assert (clones[file.repository] / choice).is_file(), choice


def test_the_two_precisions_differ_in_size_alone(clones: dict[str, Path]) -> None:
    unet = clones[BASE] / "unet"
    half = load_file(unet / "diffusion_pytorch_model.fp16.safetensors")
    whole = load_file(unet / "diffusion_pytorch_model.safetensors")

    assert half.keys() == whole.keys()
    assert all((whole[name].half() == half[name]).all() for name in half)


def test_a_tokenizer_of_two_files_reads_as_the_whole_one(clones: dict[str, Path]) -> None:
    text = "A lighthouse at dusk, Café 2049"

    read = CLIPTokenizer.from_pretrained(clones[BASE] / "tokenizer")
    second = CLIPTokenizer.from_pretrained(clones[BASE] / "tokenizer_2")
    original = CLIPTokenizer.from_pretrained(MINIATURE.folder / "tokenizer")

    assert read(text)["input_ids"] == original(text)["input_ids"] == second(text)["input_ids"]
    assert (read.pad_token, second.pad_token) == ("<|endoftext|>", "!")
    assert read.model_max_length == 77
