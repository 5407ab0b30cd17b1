"""What an examination finds: one fact, whether it is well, and what helps where it is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is, from good to bad."""

    OK = "ok"
    WARNING = "warning"  # it works, but not as well as it could, or not for long
    BAD = "bad"  # pictures fail, or nothing is served


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact.

    name: of the thing, one word. words: one line. remedy: a command where there is one; only what
    is well may lack it.
    """

    name: str
    state: State
    words: str
    remedy: str = ""


def ok(name: str, words: str, remedy: str = "") -> Finding:
    """remedy: how to have more, where there is more to be had."""
    return Finding(name=name, state=State.OK, words=words, remedy=remedy)


def warning(name: str, words: str, remedy: str) -> Finding:
    return Finding(name=name, state=State.WARNING, words=words, remedy=remedy)


def bad(name: str, words: str, remedy: str) -> Finding:
    return Finding(name=name, state=State.BAD, words=words, remedy=remedy)


def worst(findings: Iterable[Finding]) -> State:
    """The state of the whole; what holds nothing is well."""
    order = list(State)
    return max((finding.state for finding in findings), key=order.index, default=State.OK)


def one_line(text: object) -> str:
    """What a library or a program said, in one line that can be read."""
    words = " ".join(str(text).split())
    return words if len(words) <= 200 else f"{words[:199]}…"
