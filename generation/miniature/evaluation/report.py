"""The table of all findings, and whether the goals are met."""

from collections.abc import Mapping, Sequence

import numpy as np

from generation.miniature.evaluation.checks import Check, Finding

CONCEPT_GOAL = 95.0
"""Percent of the concept rows: what the pages promise. Two of 47 may be beyond a small model."""
ROWS_GOAL = 90.0
"""Percent of any other group's rows. Where there are fewer than ten, this means every one."""
PICTURES_GOALS: Mapping[str, float] = {
    "reference light": 90.0,
    "reference palette": 90.0,
    "reference style": 85.0,
}
"""Percent of all pictures of these groups, whose rows have but two references each.

A style is texture, of which an adapter of four tokens carries less than of colours.
"""
HEADER = ("check", "row", "right", "pictures", "note")
WIDEST = 44
Rows = Sequence[tuple[Check, Finding]]


def table(rows: Rows, *, is_markdown: bool) -> str:
    """One line a row: aligned and shortened for a terminal, or in Markdown."""
    lines = [HEADER, *(_cells(check, finding) for check, finding in rows)]
    if is_markdown:
        head, *rest = (f"| {' | '.join(cells)} |" for cells in lines)
        return "\n".join([head, "|---" * len(HEADER) + "|", *rest])
    lines = [(*map(_shorten, cells[:-1]), cells[-1]) for cells in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in lines
    )


def summary(rows: Rows) -> tuple[list[str], bool]:
    """A line for every group, and whether the goals of all groups asked for are met."""
    lines, is_met = [], True
    for group in dict.fromkeys(check.group for check, _finding in rows):
        findings = [finding for check, finding in rows if check.group == group]
        right = 100 * float(np.mean([finding.is_right for finding in findings]))
        pictures = 100 * float(np.mean([finding.share for finding in findings]))
        reached, goal, of = right, ROWS_GOAL, "rows"
        if group in PICTURES_GOALS:
            reached, goal, of = pictures, PICTURES_GOALS[group], "pictures"
        elif group == "concept":
            goal = CONCEPT_GOAL
        is_met = is_met and reached >= goal
        lines.append(
            f"{group}: {right:.1f} % of {len(findings)} rows right, {pictures:.1f} % of pictures"
            f" (goal {goal:.0f} % of {of}: {'met' if reached >= goal else 'MISSED'})"
        )
    return lines, is_met


def _cells(check: Check, finding: Finding) -> tuple[str, ...]:
    verdict = "yes" if finding.is_right else "NO"
    return (check.group, check.name, verdict, f"{finding.share:.0%}", finding.note)


def _shorten(cell: str) -> str:
    return cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 1].rstrip()}…"
