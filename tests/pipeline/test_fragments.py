"""Our reader of the weighting gives Compel's own fragments, and counts tokens as it does."""

import itertools
import json
import random
import re
import shutil
from pathlib import Path

import pytest
from compel import Compel, CompelForSDXL
from pyparsing import ParserElement
from transformers import CLIPTokenizer

from generation.prompts import read_prompt
from generation.spec.profiles import MINIATURE
from generation.spec.weighting import read_fragments

WORDS = (
    "castle", "snow", "a", "golden", "hour", "sci-fi", "well-known", "Zürich", "日本", "4k",
    "f", "1.4", "e.g.", "night,", "sea.", "red;", "mist:", "don't", "x_y", "#1", "50%", "!",
)  # fmt: skip
WEIGHTS = ("1.3", "0.5", "+", "++", "-", "--", "2", ".8", "1.", "")
ESCAPED = ("\\(literal\\)", '\\"said\\"', "C\\+\\+", "a\\-b", "\\(")


class PromptMaker:
    """Prompts as people write them, and worse; groups are nested three deep at most."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def prompt(self, depth: int = 0) -> str:
        parts = [self._part(depth) for _ in range(self.random.randint(1, 5))]
        return self.random.choice((" ", " ", ", ", "  ", "\n")).join(parts)

    def _part(self, depth: int) -> str:
        choice = self.random.random()
        if choice < 0.35 and depth < 3:
            return f"({self.prompt(depth + 1)}){self.random.choice(WEIGHTS)}"
        if choice < 0.42 and depth == 0:
            words = " ".join(self.random.choices(WORDS[:9], k=2))
            return f'"{words}"{self.random.choice(WEIGHTS)}'
        if choice < 0.5:
            return self.random.choice(ESCAPED)
        if choice < 0.55:
            return self.random.choice(("((unclosed", "unopened)", "lone (", ") alone", "a = b"))
        word = self.random.choice(WORDS)
        return word + self.random.choice(("", "", "", "+", "++", "-"))


EMPTY = re.compile(r"\(\s*\)")
"""Compel drops these, or raises; to us they are words."""

DRAWN = (PromptMaker(seed).prompt() for seed in itertools.count())
PROMPTS = list(itertools.islice((prompt for prompt in DRAWN if not EMPTY.search(prompt)), 500))


@pytest.fixture(autouse=True, scope="module")
def patient_compel() -> None:
    """Memory for Compel's grammar, without which these prompts take it minutes."""
    ParserElement.enable_packrat(None, force=True)


def compels_own(prompt: str) -> list[tuple[str, float]]:
    (flattened,) = Compel.parse_prompt_string(prompt).prompts
    return [(fragment.text, fragment.weight) for fragment in flattened.children]


def test_fragments_of_500_prompts_equal_compels_own() -> None:
    for prompt in PROMPTS:
        ours = [(fragment.text, fragment.weight) for fragment in read_fragments(prompt)]

        assert ours == compels_own(prompt), prompt


def test_the_prompts_hold_what_there_is() -> None:
    weights = [fragment.weight for prompt in PROMPTS for fragment in read_fragments(prompt)]

    assert sum(weight > 1 for weight in weights) > 200
    assert sum(weight < 1 for weight in weights) > 200
    assert len(set(weights)) > 50
    assert sum(")" in prompt.split("(", 3)[-1] for prompt in PROMPTS if prompt.count("(") > 2) > 50
    assert sum("\\(" in prompt for prompt in PROMPTS) > 50
    assert sum('"' in prompt for prompt in PROMPTS) > 50


TEXTS = [
    "",
    "a castle on a hill",
    "One sentence. " * 30,
    "words without any mark " * 30,
    "phrases, and phrases; " * 30,
    "antidisestablishmentarianism" * 12,
    "日本の城 🏰 at night, (snow)1.5 " * 9,
    "<|endoftext|> (after <|startoftext|> it)0.5 <|endoftext|>",
    "it's don't (area 51:1.2) 16:9; 100% !!! ... -- " * 12,
]


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_and_chunks_are_those_of_the_encoder(compel: CompelForSDXL, text: str) -> None:
    reading = read_prompt(text, MINIATURE.folder)

    provider = compel.compel_1.conditioning_provider
    fragments = [fragment.text for fragment in reading.fragments] or [""]
    ids, _weights, _mask = provider.get_token_ids_and_expand_weights(
        fragments, [1.0] * len(fragments), device="cpu"
    )
    bare = provider.get_token_ids(fragments, include_start_and_end_markers=False)
    assert reading.chunks == len(ids) // 77
    assert reading.tokens == sum(len(tokens) for tokens in bare)


def test_a_vocabulary_with_merges_is_read_as_transformers_does(tmp_path: Path) -> None:
    """SDXL's repository has no tokenizer.json."""
    folder = tmp_path / "tokenizer"
    shutil.copytree(MINIATURE.folder / "tokenizer", folder)
    model = json.loads((folder / "tokenizer.json").read_bytes())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *pairs]))
    plain = CLIPTokenizer.from_pretrained(folder)

    for text in TEXTS:
        reading = read_prompt(text, tmp_path)
        assert reading.tokens == sum(
            len(plain.tokenize(fragment.text)) for fragment in reading.fragments
        )
