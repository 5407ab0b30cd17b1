"""The miniature's vocabulary: byte pairs learned from its captions, in CLIP's layout."""

import json
from collections.abc import Iterator
from pathlib import Path

from numpy.random import default_rng
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer

from generation.miniature.scenes import captions, filling
from generation.miniature.scenes.scene import draw_scene
from generation.spec.world import WORDS

CAPTIONS = 12_000
REPEATS = 12
"""How often each word of the world and of the captions' filling counts besides."""
MERGES = 3_600
WORD_END = "</w>"
FILLING = (
    filling.COMMON
    + filling.FRENCH_COMMON
    + filling.STRANGERS
    + filling.FRENCH_STRANGERS
    + filling.TAGS
    + filling.FRENCH_TAGS
    + filling.SENTENCES
    + filling.FRENCH_SENTENCES
)


def build(folder: Path) -> None:
    """Write folder/tokenizer and folder/tokenizer_2, the same as ever: nothing is left to chance.

    Ids: 256 bytes, 256 bytes that end a word, the merges, start and end of text. Any text can be
    read, through its bytes if need be.
    """
    merges = _learn_merges()
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(letter + WORD_END for letter in letters), *map("".join, merges)]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    tokenizer = CLIPTokenizer(
        vocab=vocabulary, merges=merges, model_max_length=77, do_lower_case=True, errors="replace"
    )
    for name in ("tokenizer", "tokenizer_2"):
        tokenizer.save_pretrained(folder / name)


def _learn_merges() -> list[tuple[str, str]]:
    letters = sorted(ByteLevel.alphabet())
    learner = Tokenizer(BPE(end_of_word_suffix=WORD_END))
    clip = CLIPTokenizer().backend_tokenizer  # for its reading of words alone
    learner.normalizer, learner.pre_tokenizer = clip.normalizer, clip.pre_tokenizer
    # Named as special, the endings get their numbers in order; else a hash table would number
    # them, and the numbers decide between pairs that are equally frequent.
    trainer = BpeTrainer(
        vocab_size=2 * len(letters) + MERGES,
        end_of_word_suffix=WORD_END,
        initial_alphabet=letters,
        special_tokens=[letter + WORD_END for letter in letters],
        show_progress=False,
    )
    learner.train_from_iterator(_texts(), trainer)
    return [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]


def _texts() -> Iterator[str]:
    rng = default_rng(77)
    for number in range(CAPTIONS):
        yield captions.plain(captions.caption(draw_scene(number), rng, length=1 + number % 3))
    for _ in range(REPEATS):
        yield from FILLING
        for phrases in WORDS.values():
            yield from phrases
