"""How fast and how small SDXL is here, beside plain diffusers: `python benchmarks/sdxl_gpu.py`.

Builds SDXL base 1.0 in full size from its configuration, with random weights and without any
download, and measures each case in a process of its own: seconds a picture (the median), the peak
of memory, and the share of the floor, which is the arithmetic of a picture at the card's measured
speed of multiplying half-precision matrices. A plan is measured with as much memory as its card
would have free.

--tiny --device cpu measures the embedded miniature instead, in a minute, to see that all of it
runs; what needs a card is then listed as not measured. Ends with 1 where a goal is missed.
"""

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import diffusers
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sdxl_case import DIFFUSERS, IMAGEN, STEPS, Case, Measure, measure  # noqa: E402

TFLOP = {1024: 416.2, 1536: 1058.0}
"""Of a picture of 30 guided steps and its decode, by the side; counted from the layers' shapes."""
CHILD_LIMIT_S = 1800
TINY_TITLE = "SDXL's benchmark, run on the miniature alone: no card has measured it yet"


def all_cases(options: argparse.Namespace) -> list[Case]:
    """In the order of the table."""
    if options.tiny:
        common = {"device": options.device, "is_tiny": True, "rounds": options.rounds}
        return [
            Case(who=who, side=side, batch=batch, plan="cpu" if who == IMAGEN else "", **common)
            for side, batch in ((64, 1), (64, 2), (96, 1))
            for who in (DIFFUSERS, IMAGEN)
        ]
    return full_size_cases(options.rounds)


def full_size_cases(rounds: int) -> list[Case]:
    """SDXL on a card: beside plain diffusers, and each plan with as much memory as it is for."""
    cases = [
        Case(who=who, side=side, batch=batch, plan=plan, is_compiled=is_compiled, rounds=rounds)
        for side in (1024, 1536)
        for batch in (1, 4, 8)
        for who, plan, is_compiled in (
            (DIFFUSERS, "", False),
            (IMAGEN, "resident", False),
            (IMAGEN, "resident", True),
        )
    ]
    capped = (("visiting", 10.4), ("offload", 7.4), ("fp8", 5.4), ("streamed", 3.5))
    return cases + [
        Case(who=IMAGEN, side=side, plan=plan, cap_gib=cap, rounds=rounds)
        for plan, cap in capped
        for side in (1024, 1536)
    ]


def run_apart(case: Case) -> Measure:
    """The case in a process of its own, so that nothing of another one is left on the card."""
    done = subprocess.run(
        [sys.executable, __file__, "--case", json.dumps(asdict(case))],
        capture_output=True,
        text=True,
        timeout=CHILD_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{case} broke off:\n{done.stderr[-3000:]}")
    return Measure(**json.loads(done.stdout.splitlines()[-1]))


def row(case: Case, measure: Measure | None, card_tflops: float) -> list[str]:
    """One line of the table."""
    name = "plain diffusers" if case.who == DIFFUSERS else f"Imagen, {case.plan}"
    if case.is_tiny:
        name += ", the miniature"
    cells = [name + (", compiled" if case.is_compiled else ""), str(case.side), str(case.batch)]
    cells.append(f"{case.cap_gib:g}" if case.cap_gib else "-")
    if measure is None:
        return [*cells, "not measured", "not measured", "-"]
    if measure.problem:
        return [*cells, measure.problem, "-", "-"]
    floor = TFLOP.get(case.side, 0.0) / card_tflops if card_tflops else 0.0
    share = f"{floor / measure.seconds:.0%}" if floor and not case.is_tiny else "-"
    peak = f"{measure.peak_gib:.1f}" if measure.peak_gib else "-"
    return [*cells, f"{measure.seconds:.2f}", peak, share]


HEADER = ["who", "side", "batch", "cap, GiB", "s a picture", "peak, GiB", "of the floor"]


def table(rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, aligned."""
    lines = [HEADER, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(HEADER))]
    text = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


Goal = tuple[str, bool | None]
"""What is aimed at and what was found, and whether it is met; None: it was not measured."""


def judge_goals(found: Mapping[Case, Measure]) -> list[Goal]:
    """Of SDXL alone: the miniature has none."""
    full = {case: one for case, one in found.items() if not case.is_tiny}
    return [_speed(full), _floor(full), _memory(full)]


def _speed(found: Mapping[Case, Measure]) -> Goal:
    aim = "1.25 times plain diffusers at batch 1 at least, 1.7 times aimed at"
    plain = _find(found, DIFFUSERS, side=1024, batch=1)
    ours = _find(found, IMAGEN, side=1024, batch=1, plan="resident", is_compiled=True)
    if not (plain and ours):
        return f"{aim}: not measured", None
    times = plain.seconds / ours.seconds
    return f"{aim}: {times:.2f} times", times >= 1.25


def _floor(found: Mapping[Case, Measure]) -> Goal:
    aim = "55 % of the floor at batch 8"
    ours = _find(found, IMAGEN, side=1024, batch=8, plan="resident", is_compiled=True)
    if not (ours and ours.tflops):
        return f"{aim}: not measured", None
    share = TFLOP[1024] / ours.tflops / ours.seconds
    return f"{aim}: {share:.0%}", share >= 0.55


def _memory(found: Mapping[Case, Measure]) -> Goal:
    aim = "the plan visiting: 1024 within 8.2 GiB, 1536 within 7 GiB"
    small, large = (
        _find(found, IMAGEN, side=side, batch=1, plan="visiting") for side in (1024, 1536)
    )
    if not (small and large):
        return f"{aim}: not measured", None
    is_met = small.peak_gib <= 8.2 and large.peak_gib <= 7.0
    return f"{aim}: {small.peak_gib:.1f} and {large.peak_gib:.1f} GiB", is_met


def _find(found: Mapping[Case, Measure], who: str, **wanted: object) -> Measure | None:
    """The measure of that case; None where it was not taken, or memory ran out."""
    for case, one in found.items():
        if case.who == who and all(getattr(case, name) == value for name, value in wanted.items()):
            return one if one.seconds else None
    return None


def describe(device: str) -> list[str]:
    """What it was measured on, and when."""
    name = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {platform.machine()}"
    return [
        f"{name}; {datetime.now(UTC):%Y-%m-%d}",
        f"torch {torch.__version__}, diffusers {diffusers.__version__}, Python"
        f" {platform.python_version()}; {STEPS} steps",
    ]


def main() -> None:
    """Measure what was asked for, print the table, and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="the embedded miniature instead")
    parser.add_argument("--rounds", type=int, default=5, help="of each case, after a warm-up")
    parser.add_argument("--only", default="", help="cases whose line holds this text")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(asdict(measure(Case(**json.loads(options.case))))))
        return
    if options.device == "cpu" and not options.tiny:
        parser.error("SDXL in full size takes a CPU an hour a picture: add --tiny.")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no CUDA device. --tiny --device cpu runs without one.")
    found: dict[Case, Measure] = {}
    rows = []
    for case in all_cases(options):
        if options.only not in " ".join(row(case, None, 0)):
            continue
        found[case] = run_apart(case)
        rows.append(row(case, found[case], max(one.tflops for one in found.values())))
        print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    if options.tiny:
        rows += [row(case, None, 0) for case in full_size_cases(options.rounds)]
    goals = judge_goals(found)
    text = "\n".join(
        [*describe(options.device), "", table(rows), "", *(f"* {line}" for line, _met in goals)]
    )
    print(text)
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        title = TINY_TITLE if options.tiny else "SDXL's speed and memory"
        options.write.write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
    sys.exit(any(is_met is False for _line, is_met in goals))


if __name__ == "__main__":
    main()
