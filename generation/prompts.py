"""How a prompt will be read by a profile's text encoders, told without torch."""

import functools
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE

from generation.spec.errors import ModelUnavailable
from generation.spec.weighting import Fragment, read_fragments, split_chunks

CLIP_WORDS = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)
"""What CLIP takes for a word. Source: CLIPTokenizer of transformers 5.23."""
SPECIAL_TOKENS = ("<|startoftext|>", "<|endoftext|>")
"""Each is one token, wherever a prompt holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of a fragment's text as it was written. is_glued: no space comes before it."""

    text: str
    weight: float
    chunk: int
    is_glued: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReading:
    """The words' tokens, and how many of them each pass of the encoder takes."""

    words: tuple[Token, ...]
    chunk_lengths: tuple[int, ...]
    fragments: tuple[Fragment, ...]

    @property
    def tokens(self) -> int:
        return len(self.words)

    @property
    def chunks(self) -> int:
        """Passes of 77 tokens, start and end included."""
        return len(self.chunk_lengths)


def read_prompt(prompt: str, model_folder: Path) -> PromptReading:
    """Read the prompt as the first text encoder of the model in this folder does.

    The second one, whose tokenizer pads with "!" in SDXL, counts a run of "!" otherwise.
    Raises WeightingRefused; ModelUnavailable when the folder's tokenizer cannot be read.
    """
    tokenizer = _load_tokenizer(model_folder / "tokenizer")
    fragments = read_fragments(prompt)
    encodings = [
        (fragment, tokenizer.encode(fragment.text, add_special_tokens=False))
        for fragment in fragments
    ]
    lengths = split_chunks([token for _, encoding in encodings for token in encoding.tokens])
    chunks = itertools.chain.from_iterable(
        itertools.repeat(number, length) for number, length in enumerate(lengths, start=1)
    )
    words = [
        Token(text=text, weight=fragment.weight, chunk=next(chunks), is_glued=is_glued)
        for fragment, encoding in encodings
        for text, is_glued in _pieces(fragment.text, encoding.offsets)
    ]
    return PromptReading(words=tuple(words), chunk_lengths=tuple(lengths), fragments=fragments)


def _pieces(text: str, offsets: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """Each token's part of the text, and whether no space comes before it.

    A character may be several tokens; the first one has it.
    """
    seen = 0
    for start, end in offsets:
        is_glued = start < seen or (start > 0 and not text[start - 1].isspace())
        yield text[max(start, seen) : end], is_glued
        seen = end


@functools.lru_cache(maxsize=8)
def _load_tokenizer(folder: Path) -> Tokenizer:
    """From tokenizer.json, or from CLIP's vocabulary and merges alone, as SDXL's repository has."""
    try:
        if (folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            tokenizer.no_truncation()
            tokenizer.no_padding()
            return tokenizer
        vocabulary = json.loads((folder / "vocab.json").read_bytes())
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
        merges = [_pair(line) for line in lines if line and not line.startswith("#version")]
        return _clip_tokenizer(vocabulary, merges)
    except Exception as error:
        raise ModelUnavailable(
            f"The tokenizer in {folder} cannot be read: {error}. Install the model again."
        ) from error


def _pair(line: str) -> tuple[str, str]:
    left, right = line.split(" ")
    return left, right


def _clip_tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    tokenizer = Tokenizer(
        BPE(
            vocab=vocabulary,
            merges=merges,
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
            fuse_unk=False,
            unk_token="<|endoftext|>",
        )
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer
