"""How a prompt will be read is told without torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from generation.prompts import read_prompt
from generation.spec.errors import ModelUnavailable
from generation.spec.profiles import MINIATURE
from generation.spec.weighting import Fragment, WeightingRefused


def test_tokens_of_all_fragments_are_counted() -> None:
    reading = read_prompt("a castle, (snow)1.5", MINIATURE.folder)

    assert reading.tokens == 4
    assert reading.chunks == 1
    assert reading.fragments == (
        Fragment(text="a castle,", weight=1.0),
        Fragment(text="snow", weight=1.5),
    )


@pytest.mark.parametrize(("words", "chunks"), [(0, 1), (75, 1), (76, 2), (150, 2), (151, 3)])
def test_a_chunk_has_room_for_75_tokens(words: int, chunks: int) -> None:
    reading = read_prompt("a " * words, MINIATURE.folder)

    assert (reading.tokens, reading.chunks) == (words, chunks)


def test_tokens_tell_their_text_weight_and_chunk() -> None:
    reading = read_prompt("a lake, (snow:1.5) é", MINIATURE.folder)

    written = "".join(token.text if token.is_glued else f" {token.text}" for token in reading.words)
    assert written == " a lake, snow é"
    assert {token.text for token in reading.words if token.weight == 1.5} == {"snow"}
    assert {token.chunk for token in reading.words} == {1}


def test_chunks_are_told_token_by_token() -> None:
    reading = read_prompt("a " * 80, MINIATURE.folder)

    assert reading.chunk_lengths == (75, 5)
    assert [token.chunk for token in reading.words] == [1] * 75 + [2] * 5


@pytest.fixture
def hub_folder(tmp_path: Path) -> Path:
    """A model whose tokenizer is a vocabulary and merges, as in SDXL's repository."""
    model = json.loads((MINIATURE.folder / "tokenizer" / "tokenizer.json").read_bytes())["model"]
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [" ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    return tmp_path


@pytest.mark.parametrize(
    "prompt",
    [
        "a castle on a hill, it's 4 o'clock",
        "Z\u00fcrich \u65e5\u672c !!! ... (snow)1.5",
        "<|endoftext|> after the end <|startoftext|>",
        "One sentence. " * 60,
    ],
)
def test_both_layouts_of_a_tokenizer_read_alike(hub_folder: Path, prompt: str) -> None:
    assert read_prompt(prompt, hub_folder) == read_prompt(prompt, MINIATURE.folder)


def test_a_special_token_is_one_token(hub_folder: Path) -> None:
    assert read_prompt("<|endoftext|>", hub_folder).tokens == 1


@pytest.mark.parametrize("missing", ["vocab.json", "merges.txt"])
def test_a_missing_file_is_named(hub_folder: Path, missing: str) -> None:
    (hub_folder / "tokenizer" / missing).unlink()

    with pytest.raises(ModelUnavailable, match=missing):
        read_prompt("a castle", hub_folder)


def test_a_damaged_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "tokenizer.json").write_text("{")

    with pytest.raises(ModelUnavailable, match="tokenizer"):
        read_prompt("a castle", tmp_path)


def test_a_refused_weighting_is_refused_here_too() -> None:
    with pytest.raises(WeightingRefused):
        read_prompt("(snow)11", MINIATURE.folder)


def test_no_torch_is_loaded() -> None:
    program = "import sys, generation.prompts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
