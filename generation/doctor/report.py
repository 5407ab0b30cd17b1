"""Findings as lines for a terminal, and as JSON for programs."""

import json
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

from generation.doctor.finding import Finding, State, worst

Paint = Callable[[str], str]
STATE_WIDTH = max(map(len, State)) + 2
ARROW = "-> "


def lines(
    findings: Sequence[Finding], paints: Mapping[State, Paint], width: int | None
) -> Iterable[str]:
    """State, name and words in columns, the remedy beneath the words, and a count at the end.

    paints: colours a state. width: of the terminal; None: a finding is one line, for programs that
    look for lines.
    """
    indent = STATE_WIDTH + max((len(finding.name) for finding in findings), default=0) + 2
    for finding in findings:
        name = finding.name.ljust(indent - STATE_WIDTH)
        first, *further = _wrap(finding.words, width, indent)
        yield f"{paints[finding.state](finding.state.ljust(STATE_WIDTH))}{name}{first}"
        yield from (" " * indent + line for line in further)
        if finding.remedy:
            first, *further = _wrap(finding.remedy, width, indent + len(ARROW))
            yield " " * indent + ARROW + first
            yield from (" " * (indent + len(ARROW)) + line for line in further)
    yield ""
    yield _summary(findings)


def to_json(findings: Sequence[Finding]) -> str:
    """The whole's state and each finding, in one object."""
    report = {"state": worst(findings), "findings": [asdict(finding) for finding in findings]}
    return json.dumps(report, indent=1, ensure_ascii=False)


def _wrap(text: str, width: int | None, indent: int) -> Sequence[str]:
    """At least one line. Paths and commands are never cut."""
    if width is None:
        return [text]
    room = max(20, width - indent)
    wrapped = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return wrapped or [""]


def _summary(findings: Sequence[Finding]) -> str:
    count = Counter(finding.state for finding in findings)
    bad, warnings = count[State.BAD], count[State.WARNING]
    if not bad and not warnings:
        return f"All {len(findings)} are well."
    noun = "warning" if warnings == 1 else "warnings"
    return f"{bad} bad, {warnings} {noun}, {count[State.OK]} ok."
