"""What people might type for a scene: tags, phrases or long texts, in English or French."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from numpy.random import Generator

from generation.miniature.scenes import filling
from generation.miniature.scenes.scene import Scene
from generation.spec.world import ENGLISH, FRENCH, LIGHTS, PALETTES, PLACES, STYLES, concepts_of

T = TypeVar("T")

MENTION, MENTION_MAIN = 0.98, 0.9
"""How often what is seen is named: things, palettes and styles; light and place.

What is often there unnamed is painted unasked: a picture has some light, but neon only if asked.
"""
PLAIN_WITHIN = 0.12
"""Amounts this near to 1 are never stated as a weight."""
FRENCH_SHARE, STATED, STRANGE = 0.25, 0.85, 0.4
LAST, ALL_LAST = 0.3, 0.25
"""How many long texts end with one of their items, and how many with all of them."""
PROSE, COMMON, INVENTED = 0.5, 0.7, 0.3
"""How much of a long text's filling is prose, how much of that are words that any text is made of,
and how many of the rest do not exist.
"""
UNACCENTED, CURLY = 0.25, 0.2
"""How much French is written without accents, and with the printer's apostrophe."""
ROOM = {2: (80, 106), 3: (144, 164), 4: (212, 236)}
"""Between how many tokens, roughly, the texts of two to four chunks of 77 tokens have."""
FRENCH_ROOM = 0.7
"""A French word has more tokens than it is taken for."""

LEADS = (
    "", "", "", "a picture of ", "a painting of ", "an image of ", "a view of ", "photo of ",
    "a scene with ", "landscape with ", "epic ", "beautiful ", "a ", "the ",
)  # fmt: skip
FRENCH_LEADS = (
    "", "", "", "une image de ", "une vue de ", "photo de ", "un paysage avec ", "un beau ", "une ",
)  # fmt: skip
CLAUSES = ("", "", "there is ", "we see ", "the scene shows ", "it is ", "behind it ", "with ")
FRENCH_CLAUSES = ("", "", "il y a ", "on voit ", "la scène montre ", "c'est ", "avec ")
JOINTS = (
    ", ", " with ", " at ", " and ", " under ", " in ", " over ", " above ", " beside ", " near ",
    " with a ", " and a ", " with the ", " on ", " behind ",
)  # fmt: skip
FRENCH_JOINTS = (
    ", ", " avec ", " et ", " sous ", " dans ", " au-dessus de ", " près de ", " sur ", " et puis ",
    " avec un ", " et une ",
)  # fmt: skip
FITTING = dict.fromkeys(LIGHTS, (" at ", " in ", " during ", ", ", " under "))
FITTING |= dict.fromkeys(PLACES, (" in ", " of ", ", ", " near ", " and "))
FITTING |= dict.fromkeys(PALETTES, (", ", " in ", " with "))
FITTING |= dict.fromkeys(STYLES, (", ", " as ", " in the style of "))
FRENCH_FITTING = dict.fromkeys(LIGHTS, (" à ", ", ", " pendant ", " sous "))
FRENCH_FITTING |= dict.fromkeys(PLACES, (" dans ", " de ", ", ", " près de ", " et "))
FRENCH_FITTING |= dict.fromkeys(PALETTES, (", ", " en ", " avec "))
FRENCH_FITTING |= dict.fromkeys(STYLES, (", ", " en ", " façon "))
OPENINGS = ("at ", "in ", "by ", "after ", "out ", "beside ", "covered ", "shrouded ")
FRENCH_OPENINGS = ("à ", "au ", "en ", "de ", "dans ", "sous ")


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive text of a caption. concept: what of spec.world it names, if anything."""

    text: str
    weight: float = 1.0
    concept: str | None = None


@dataclass(frozen=True, slots=True)
class _Language:
    words: dict[str, tuple[str, ...]]
    common: tuple[str, ...]
    strangers: tuple[str, ...]
    parts: tuple[str, ...]
    tags: tuple[str, ...]
    sentences: tuple[str, ...]
    leads: tuple[str, ...]
    clauses: tuple[str, ...]
    joints: tuple[str, ...]
    fitting: dict[str, tuple[str, ...]]
    openings: tuple[str, ...]


def _parts(words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The words of longer phrases that name nothing when they stand alone, as "hot" and "air"."""
    phrases = " ".join(phrase for some in words.values() for phrase in some)
    return tuple(
        word
        for word in dict.fromkeys(phrases.replace("'", " ").replace("-", " ").split())
        if len(word) > 2 and not concepts_of(word)
    )


_ENGLISH = _Language(
    dict(ENGLISH), filling.COMMON, filling.STRANGERS, _parts(ENGLISH), filling.TAGS,
    filling.SENTENCES, LEADS, CLAUSES, JOINTS, FITTING, OPENINGS,
)  # fmt: skip
_FRENCH = _Language(
    dict(FRENCH), filling.FRENCH_COMMON, filling.FRENCH_STRANGERS, _parts(FRENCH),
    filling.FRENCH_TAGS, filling.FRENCH_SENTENCES, FRENCH_LEADS, FRENCH_CLAUSES, FRENCH_JOINTS,
    FRENCH_FITTING, FRENCH_OPENINGS,
)  # fmt: skip


_KNOWN = frozenset(
    word
    for language in (_ENGLISH, _FRENCH)
    for texts in (language.common, language.strangers, language.sentences, language.tags,
                  language.clauses, *language.words.values())
    for text in texts
    for word in re.findall(r"\w+|[^\w\s]", text.casefold())
)  # fmt: skip


def caption(
    scene: Scene, rng: Generator, *, length: int, leave_out: frozenset[str] = frozenset()
) -> list[Piece]:
    """A text about the scene, in pieces that follow each other without a gap.

    length: the chunks of 77 tokens aimed at, 1 to 4. leave_out: concepts that are not named.
    """
    if rng.random() >= FRENCH_SHARE:
        return _write(_ENGLISH, scene, rng, length, leave_out)
    return _spell(_write(_FRENCH, scene, rng, length, leave_out), rng)


def plain(pieces: Iterable[Piece]) -> str:
    """The prompt without weights."""
    return "".join(piece.text for piece in pieces)


def weighted(pieces: Iterable[Piece]) -> str:
    """The prompt in Compel's syntax, as in "mountains, (snow)1.5"."""
    return "".join(
        piece.text if piece.weight == 1 else f"({piece.text}){float(piece.weight)}"
        for piece in pieces
    )


def _write(
    language: _Language, scene: Scene, rng: Generator, length: int, leave_out: frozenset[str]
) -> list[Piece]:
    manner = rng.random()
    is_short = length == 1 and manner >= 0.8
    items = _shuffled(_name(scene, language, rng, leave_out), rng)
    if is_short:
        items = _shorten(items, rng)
    if rng.random() < STRANGE:
        items = _mingle(items, _strange(language, rng), rng)
    if length > 1:
        return _write_long(items, language, rng, length)
    if manner < 0.4:
        tags = [Piece(_pick(language.tags, rng)) for _ in range(rng.integers(0, 5))]
        items = _mingle(items, tags, rng)
        return _join(items, [", "] * len(items))
    if is_short and rng.random() < 0.6:
        return _join(items, [_pick((" ", " ", ", "), rng)] * len(items))
    lead = _pick(language.leads, rng)
    joints = [_joint(piece, language, rng) for piece in items[1:]]
    return [*([Piece(lead)] if lead and items else ()), *_join(items, joints)]


def _spell(pieces: list[Piece], rng: Generator) -> list[Piece]:
    """French as some keyboards and programs write it."""
    chance = rng.random()
    if chance < UNACCENTED:
        return [replace(piece, text=_unaccented(piece.text)) for piece in pieces]
    if chance < UNACCENTED + CURLY:
        return [replace(piece, text=piece.text.replace("'", "\u2019")) for piece in pieces]
    return pieces


def _unaccented(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.replace("œ", "oe"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _odd_word(language: _Language, rng: Generator) -> str:
    """A word that names nothing: a known one, half a phrase, or one that does not exist."""
    chance = rng.random()
    if chance < INVENTED:
        head, tail = (_pick((*language.strangers, *language.parts), rng) for _ in range(2))
        word = head[: int(rng.integers(2, 6))] + tail[-int(rng.integers(2, 6)) :]
        if not concepts_of(word):
            return word
    return _pick(language.parts if chance > 0.75 else language.strangers, rng)


def _strange(language: _Language, rng: Generator) -> list[Piece]:
    """Some odd words, or a sentence about other things."""
    if rng.random() < 0.5:
        return [Piece(_prose(language, rng))]
    return [Piece(_odd_word(language, rng)) for _ in range(rng.integers(1, 4))]


def _prose(language: _Language, rng: Generator) -> str:
    """A sentence about other things."""
    words = [
        _pick(language.common, rng) if rng.random() < COMMON else _odd_word(language, rng)
        for _ in range(rng.integers(3, 13))
    ]
    text = " ".join(words)
    return text if not concepts_of(text) else _pick(language.sentences, rng)


def _name(
    scene: Scene, language: _Language, rng: Generator, leave_out: frozenset[str]
) -> list[Piece]:
    """A piece for nearly everything that is seen, with its amount as the weight of most.

    At most one is lowered: Compel lowers a word by weakening all that stands around it, so two
    would spoil each other.
    """
    pieces, has_lowered = [], False
    for concept, amount in scene.amounts.items():
        is_main = concept in (scene.light, scene.place)
        if concept in leave_out or rng.random() >= (MENTION_MAIN if is_main else MENTION):
            continue
        weight = 1.0
        if abs(amount - 1) > PLAIN_WITHIN and rng.random() < STATED:
            weight = round(amount, 1)
        if weight < 1:
            weight, has_lowered = (1.0 if has_lowered else weight), True
        pieces.append(Piece(_pick(language.words[concept], rng), weight, concept))
    return pieces


def _shorten(items: Sequence[Piece], rng: Generator) -> list[Piece]:
    """Without the light, often, as people type who want to see what comes."""
    is_told = rng.random() < 0.4
    return [piece for piece in items if is_told or piece.concept not in LIGHTS]


def _write_long(
    items: Sequence[Piece], language: _Language, rng: Generator, length: int
) -> list[Piece]:
    """Sentences that say nothing, and the items anywhere among them."""
    room = rng.integers(*ROOM[length]) - sum(_size(item) + 2 for item in items)
    if language is _FRENCH:
        room *= FRENCH_ROOM
    fill: list[Piece] = []
    while room > 0:
        chance = rng.random()
        options = language.sentences if chance < 0.9 else language.tags
        fill.append(Piece(_prose(language, rng) if chance < PROSE else _pick(options, rng)))
        room -= _size(fill[-1]) + 1
    last, chance = 0, rng.random()
    if chance < LAST + ALL_LAST:
        last = 1 if chance < LAST else len(items)
    kept = len(items) - last
    parts = [*_mingle(fill, items[:kept], rng), *items[kept:]]
    pieces: list[Piece] = []
    for index, part in enumerate(parts):
        if index:
            pieces.append(Piece(_pick((". ", ". ", ", "), rng)))
        clause = _pick(language.clauses, rng)
        if clause and part.concept and not _opens(part, language):
            pieces.append(Piece(clause))
        pieces.append(part)
    return [*pieces, Piece(".")]


def _size(piece: Piece) -> int:
    """About how many tokens it has: most known words are one, others one for three letters."""
    words = re.findall(r"\w+|[^\w\s]", piece.text.casefold())
    return sum(1 if word in _KNOWN else -(-len(word) // 3) for word in words)


def _joint(piece: Piece, language: _Language, rng: Generator) -> str:
    """What may stand before the piece."""
    if _opens(piece, language):
        return " " if rng.random() < 0.7 else ", "
    fitting = language.fitting.get(piece.concept or "")
    return _pick(fitting if fitting and rng.random() < 0.75 else language.joints, rng)


def _opens(piece: Piece, language: _Language) -> bool:
    """It brings its own preposition."""
    return piece.text.startswith(language.openings)


def _join(pieces: Sequence[Piece], joints: Sequence[str]) -> list[Piece]:
    joined = list(pieces[:1])
    for joint, piece in zip(joints, pieces[1:], strict=False):
        joined += [Piece(joint), piece]
    return joined


def _mingle(items: Sequence[T], others: Sequence[T], rng: Generator) -> list[T]:
    """The others at any places among the items."""
    mingled = list(items)
    for other in others:
        mingled.insert(int(rng.integers(len(mingled) + 1)), other)
    return mingled


def _shuffled(items: Sequence[T], rng: Generator) -> list[T]:
    return [items[index] for index in rng.permutation(len(items))]


def _pick(options: Sequence[T], rng: Generator) -> T:
    return options[int(rng.integers(len(options)))]
