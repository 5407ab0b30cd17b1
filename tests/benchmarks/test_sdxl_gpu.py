"""The benchmark of a card runs end to end without one, and says what it did not measure."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import sdxl_gpu
from benchmarks.sdxl_gpu import DIFFUSERS, IMAGEN, Case, Measure, judge_goals

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "sdxl_gpu.py"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_miniature_is_measured_on_a_cpu_and_the_rest_is_listed_as_not_measured(
    tmp_path: Path,
) -> None:
    table = tmp_path / "table.md"

    done = run("--tiny", "--device", "cpu", "--rounds", "1", "--write", str(table))

    assert done.returncode == 0, done.stderr
    lines = table.read_text().splitlines()
    rows = [line.split("|") for line in lines if line.startswith("|")]
    seconds = [cells[5].strip() for cells in rows if "the miniature" in cells[1]]
    assert len(seconds) == 6
    assert all(float(one) > 0 for one in seconds)
    assert sum("not measured |" in line for line in lines) == 26
    assert sum(line.endswith(": not measured") for line in lines) == 3


def test_full_size_on_a_cpu_is_refused_with_the_way_to_do_it() -> None:
    done = run("--device", "cpu")

    assert done.returncode == 2
    assert "add --tiny" in done.stderr


def case(who: str, **changes: object) -> Case:
    return Case(who=who, **{"side": 1024, **changes})


@pytest.mark.parametrize(("ours_s", "is_met"), [(1.5, True), (1.7, False)])
def test_the_speed_goal_is_a_quarter_above_plain_diffusers(ours_s: float, is_met: bool) -> None:
    found = {
        case(DIFFUSERS): Measure(seconds=2.0),
        case(IMAGEN, plan="resident", is_compiled=True): Measure(seconds=ours_s),
    }

    (words, met), *_others = judge_goals(found)

    assert met is is_met
    assert f"{2.0 / ours_s:.2f} times" in words


@pytest.mark.parametrize(("peak_gib", "is_met"), [(8.2, True), (8.3, False)])
def test_the_memory_goal_is_of_both_sizes(peak_gib: float, is_met: bool) -> None:
    found = {
        case(IMAGEN, plan="visiting", cap_gib=10.4): Measure(seconds=9, peak_gib=peak_gib),
        case(IMAGEN, plan="visiting", cap_gib=10.4, side=1536): Measure(seconds=20, peak_gib=6.9),
    }

    assert judge_goals(found)[2][1] is is_met


def test_the_floor_goal_is_the_arithmetic_at_the_measured_speed_of_the_card() -> None:
    full = case(IMAGEN, plan="resident", batch=8, is_compiled=True)

    (words, met) = judge_goals({full: Measure(seconds=0.9, tflops=790.0)})[1]

    assert met is True
    assert "59%" in words
    assert judge_goals({full: Measure(seconds=1.0, tflops=790.0)})[1][1] is False


def test_a_shortage_stands_in_the_table_as_what_it_is() -> None:
    cells = sdxl_gpu.row(case(IMAGEN, plan="fp8"), Measure(problem="out of memory"), 100.0)

    assert "out of memory" in cells
