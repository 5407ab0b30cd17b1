"""What a prompt says that the miniature was never shown."""

import functools
from dataclasses import dataclass

from generation.spec.weighting import WeightingRefused, read_fragments, unweighted_words
from generation.spec.world import (
    ENGLISH,
    FRENCH,
    LIGHTS,
    PLACES,
    THINGS,
    concepts_of,
    foreign_words,
)

NOTHING_KNOWN = "nothing_known"
FOREIGN_WORDS = "foreign_words"
CODES = (NOTHING_KNOWN, FOREIGN_WORDS)
MAX_FOREIGN = 5
SUBJECTS = frozenset(LIGHTS + PLACES + THINGS)
"""What can be seen; a palette or a style alone shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """code: one of CODES. words: the foreign ones, each once; at most MAX_FOREIGN, perhaps none."""

    code: str
    words: tuple[str, ...]


@functools.lru_cache(maxsize=128)
def hint_for(prompt: str, *, is_unfinished: bool = False) -> Hint | None:
    """None where every word lies in the miniature's world, or nothing is said yet.

    is_unfinished: somebody is typing, and last words that may yet become known ones are not judged.
    """
    text = _unweighted(prompt)
    if not any(character.isalpha() for character in text):
        return None
    known = concepts_of(text)
    if prompt[-1].isspace():
        text = f"{text.rstrip()} "
    is_open = is_unfinished and text[-1] == prompt[-1]
    foreign = tuple(foreign_words(text, is_unfinished=is_open)[:MAX_FOREIGN])
    if not known or (foreign and not known & SUBJECTS):
        return Hint(code=NOTHING_KNOWN, words=foreign)
    return Hint(code=FOREIGN_WORDS, words=foreign) if foreign else None


def words_for(concept: str, language: str) -> tuple[str, ...]:
    """What people say for it, the plainest first, in print: French for "fr", else English."""
    phrases = (FRENCH if language == "fr" else ENGLISH)[concept]
    return tuple(phrase.replace("'", "\u2019") for phrase in phrases)


def _unweighted(prompt: str) -> str:
    """The words alone; as it was written where its weighting is refused."""
    try:
        return unweighted_words(read_fragments(prompt))
    except WeightingRefused:
        return prompt
