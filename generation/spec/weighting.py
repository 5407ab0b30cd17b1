"""Compel's weighting syntax, read in linear time: which words of a prompt carry which weight.

The fragments are those of Compel 2.5.1 (compel/prompt_parser.py), whose pyparsing grammar takes
four to five times longer for each level of parentheses (compel #103). Where Compel raises, the
characters are read as words. This differs on purpose:

1. .and(), .add(), .blend(), .swap(), withLora() and useLora() are refused; Compel blends, or drops
   the last three without a word.
2. A1111's (words:1.3) weighs as (words)1.3 does. A ratio or a clock stays text: (16:9), (at 10:30).
3. Empty parentheses are words, empty quotes and lone white space are nothing: no text is empty.
4. Weights above MAX_WEIGHT are refused, products of nested ones too.
5. More than MAX_LOWERED fragments below weight 1 are refused.
6. Within quotes, a backslash and a letter are two characters; pyparsing makes "\\n" a line break.
7. All backslashes before a parenthesis or a quote go; Compel takes one away in each of its passes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from generation.spec.errors import gettext_noop

MAX_WEIGHT = 10.0
MAX_LOWERED = 32
MAX_LOWERED_BYTES = 100_000
"""Each fragment below 1 costs another pass of every chunk through both encoders: so many of a
text of ordinary length, fewer of a long one, by passages times bytes of UTF-8."""

MAX_SHOWN_CHARS = 40
SENTENCE_ENDS = frozenset({".</w>"})
PHRASE_ENDS = frozenset({".</w>", ",</w>", ";</w>", ":</w>"})

OPERATOR_REFUSED = gettext_noop(
    "%(field)s holds %(operator)s, which is not supported; ask for one picture a text, or join the"
    " texts with a comma. Put a backslash before its parenthesis if it is meant as text."
)
WEIGHT_REFUSED = gettext_noop(
    "%(field)s gives “%(words)s” the weight %(weight)s, above the maximum of %(maximum)s; weights"
    " above 2 rarely help."
)
LOWERED_REFUSED = gettext_noop(
    "%(field)s lowers the weight of %(count)s passages, more than the %(maximum)s accepted; weaken"
    " words together, as in (mist and rain)0.5."
)

# string.whitespace and no more: a no-break space is part of a word.
_WHITE, _MARKS = r" \t\n\r\v\f", r'()",.+=\-'
_GAP = rf"[{_WHITE}]*"
# A1111's ":1.3" before a parenthesis; a whole number behind a digit is a ratio or a clock.
_RATIO = rf"(?:(?<=[0-9])|(?<=[0-9] )):{_GAP}[0-9]+{_GAP}\)"
_SUFFIX = rf"(?!{_RATIO}):{_GAP}(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+){_GAP}(?=\))"
_WORD = (
    rf"(?:\\[{_MARKS}]|\\|[+-](?![{_WHITE}{_MARKS}]|\Z)|(?!{_SUFFIX}):|[^{_WHITE}{_MARKS}:\\]+)+"
)
_PIECE = re.compile(
    rf"(?P<empty>\({_GAP}(?:{_SUFFIX})?\))|(?P<open>\()|(?P<close>\))|(?P<quote>\")"
    rf"|(?P<mark>[,.])|(?P<suffix>{_SUFFIX})|(?P<word>{_WORD})"
)
_FREE_WORD = re.compile(rf"[^{_WHITE}]+")
_SPACE = re.compile(_GAP)
# Ends at the first quote without a backslash on the line, else at the last one with a backslash.
_QUOTED = re.compile(r'"(?:[^"\\\n\r]|\\"?)*"')
_SIGNS, _NUMBER = r"\++|-+", r"\d+\.\d*|\.\d+|[0-9]+"
_ATTEND = rf"{_GAP}\.attend{_GAP}\({_GAP}({_SIGNS}|{_NUMBER}){_GAP}\)"
_BEHIND_WORD = re.compile(rf"{_ATTEND}|({_SIGNS})")
_BEHIND_GROUP = re.compile(rf"{_ATTEND}|({_SIGNS}|{_NUMBER})")
_REFUSED = re.compile(
    rf"(?<!\\)(?:\){_GAP}(\.(?:and|add|blend))|(\.swap)|(?<!\w)((?:use|with)Lora)){_GAP}\("
)
_ESCAPES = re.compile(r'(?<!\\)\\+(?=[()"])')


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Consecutive words of one weight; text is never empty, a weight of 1.0 changes nothing."""

    text: str
    weight: float


class WeightingRefused(Exception):
    """A weighting that is not painted. params: what template names, besides field and value."""

    def __init__(self, template: str, **params: object) -> None:
        super().__init__(template, params)
        self.template = template
        self.params: Mapping[str, object] = params

    def __str__(self) -> str:
        return self.template % {"field": "The prompt", **self.params}


def read_fragments(prompt: str) -> tuple[Fragment, ...]:
    """The prompt's words in order, neighbours of one weight together; () where there are none.

    Raises WeightingRefused.
    """
    refused = _REFUSED.search(prompt)
    if refused:
        raise WeightingRefused(OPERATOR_REFUSED, operator=f"{refused[refused.lastindex or 0]}()")
    spaced = re.sub(r",(\S)", r", \1", prompt)  # as Compel does first
    fragments = _weigh(_Reader(spaced).read())
    _require_bounds(fragments)
    return fragments


def unweighted_words(fragments: Iterable[Fragment]) -> str:
    """The prompt without its weighting."""
    return " ".join(fragment.text for fragment in fragments)


def split_chunks(tokens: Sequence[str], room: int = 75) -> list[int]:
    """The lengths of the chunks that Compel encodes apart, without start and end; [0] for nothing.

    A chunk that is not the last one ends with a sentence, else with a phrase, else with a word
    (EmbeddingsProvider._find_next_best_split_point with SplitLongTextMode.SENTENCES).
    """
    lengths: list[int] = []
    start = 0
    while len(tokens) - start > room:
        lengths.append(_chunk_length(tokens[start : start + room]))
        start += lengths[-1]
    return [*lengths, len(tokens) - start]


def _chunk_length(tokens: Sequence[str]) -> int:
    backwards = range(len(tokens), 0, -1)
    for ends in (SENTENCE_ENDS, PHRASE_ENDS):
        for length in backwards:
            if tokens[length - 1] in ends:
                return length
    return next((end for end in backwards if tokens[end - 1].endswith("</w>")), len(tokens))


@dataclass(slots=True)
class _Piece:
    """A word, or one end of a group. The start of a group has its weight once the group closes."""

    kind: Literal["open", "close", "word"]
    text: str = ""
    weight: float = 1.0


@dataclass(slots=True, kw_only=True)
class _Group:
    """Open parentheses or quotes, from `start`; `first` is the index of their piece."""

    start: int
    first: int
    quoted: bool


class _Reader:
    """Reads as Compel's grammar does: inside a group, all must be words, marks and whole groups.

    Anything else breaks the group and those around it: the outermost start is a free word, up to
    the next white space, and reading goes on behind it. What is broken is remembered, so that the
    same characters are read a few times at most, however many groups break.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.end = len(text)  # of the text, or of the open quotes, which hold no others
        self.pieces: list[_Piece] = []
        self.groups: list[_Group] = []
        self.broken: set[int] = set()

    def read(self) -> list[_Piece]:
        while True:
            space = _SPACE.match(self.text, self.at, self.end)
            self.at = space.end() if space else self.at
            if self.at < self.end:
                if self.at in self.broken or not self._read_piece():
                    self._break_groups()
            elif not self.groups:
                return self.pieces
            elif self.groups[-1].quoted:
                self._close()
            else:
                self._break_groups()

    def _read_piece(self) -> bool:
        """Reads on; False where the grammar knows no piece."""
        piece = _PIECE.match(self.text, self.at, self.end)
        kind = piece.lastgroup if piece else None
        if piece is None or (not self.groups and kind in ("close", "mark", "suffix")):
            return False
        match kind:
            case "open" | "quote":
                return self._open(quoted=kind == "quote")
            case "close":
                return not self.groups[-1].quoted and self._close()
            case "suffix":
                self.at = piece.end()
                self.pieces[self.groups[-1].first].weight = float(piece[0][1:])
                return True
            case "word":
                return self._read_word(piece)
        self.at = piece.end()
        self.pieces.append(_Piece("word", piece[0]))
        return True

    def _read_word(self, word: re.Match[str]) -> bool:
        behind = _BEHIND_WORD.match(self.text, word.end(), self.end)
        if not self.groups and not behind:
            return False  # outside of groups, words without weight are free words
        self.at = behind.end() if behind else word.end()
        self.pieces.append(_Piece("word", word[0], _read_weight(behind) if behind else 1.0))
        return True

    def _open(self, *, quoted: bool) -> bool:
        if quoted:
            whole = _QUOTED.match(self.text, self.at, self.end)
            if whole is None:
                return False
            self.end = whole.end() - 1
        group = _Group(start=self.at, first=len(self.pieces), quoted=quoted)
        self.groups.append(group)
        self.pieces.append(_Piece("open"))
        self.at += 1
        return True

    def _close(self) -> bool:
        group = self.groups.pop()
        if group.quoted:
            self.end = len(self.text)
        self.at += 1
        self.pieces.append(_Piece("close"))
        behind = _BEHIND_GROUP.match(self.text, self.at, self.end)
        if behind:
            self.at = behind.end()
            self.pieces[group.first].weight *= _read_weight(behind)
        return True

    def _break_groups(self) -> None:
        """Takes all open groups back, then reads a free word.

        A group that breaks inside quotes may be whole where the quotes are none, so it is not
        remembered.
        """
        if self.groups:
            self.at = self.groups[0].start
            del self.pieces[self.groups[0].first :]
        for group in self.groups:
            self.broken.add(group.start)
            if group.quoted:
                break
        self.groups.clear()
        self.end = len(self.text)
        start = self.at
        word = _FREE_WORD.match(self.text, self.at)
        self.at = word.end() if word else self.at
        self.pieces.append(_Piece("word", self.text[start : self.at]))


def _read_weight(behind: re.Match[str]) -> float:
    """The factor of "++", "--" or a number; infinity where it is too large for a float."""
    operator: str = behind[1] or behind[2]
    if operator[0] not in "+-":
        return float(operator)
    try:
        return pow(1.1 if operator[0] == "+" else 0.9, len(operator))
    except OverflowError:
        return float("inf")


def _weigh(pieces: Iterable[_Piece]) -> tuple[Fragment, ...]:
    """Multiplies weights from outer to inner groups and joins neighbours of equal weight."""
    runs: list[tuple[list[str], float]] = []
    scales = [1.0]
    for piece in pieces:
        weight = scales[-1] * piece.weight
        if piece.kind == "open":
            scales.append(weight)
        elif piece.kind == "close":
            scales.pop()
        elif runs and runs[-1][1] == weight:
            runs[-1][0].append(piece.text)
        elif piece.text.strip():
            runs.append(([piece.text], weight))
    return tuple(
        Fragment(text=_ESCAPES.sub("", " ".join(run)), weight=scale) for run, scale in runs
    )


def _require_bounds(fragments: Sequence[Fragment]) -> None:
    for fragment in fragments:
        if not fragment.weight <= MAX_WEIGHT:  # infinity times 0 is NaN, which is above nothing
            words = fragment.text
            if len(words) > MAX_SHOWN_CHARS:
                words = f"{words[: MAX_SHOWN_CHARS - 1]}…"
            weight = f"{fragment.weight:.4g}"
            raise WeightingRefused(
                WEIGHT_REFUSED, words=words, weight=weight, maximum=f"{MAX_WEIGHT:g}"
            )
    lowered = sum(fragment.weight < 1 for fragment in fragments)
    size = sum(len(fragment.text.encode()) for fragment in fragments)
    maximum = min(MAX_LOWERED, MAX_LOWERED_BYTES // max(size, 1))
    if lowered > maximum:
        raise WeightingRefused(LOWERED_REFUSED, count=lowered, maximum=maximum)
