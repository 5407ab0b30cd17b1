"""Each guard of the product has a scene that ends well with it and badly without."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.chaos import report, scenes
from tests.chaos.clients import Clients
from tests.chaos.fleet import Fleet, mutation, open_fleet
from tests.chaos.scenes import SCENES
from tests.chaos.verdict import fallen, judge
from tests.stack.harness import ROOT

MISSING_GUARDS = """
import django
django.setup()
from generation.jobs import recovery, statements
from generation.worker import cluster, gpu_lock
missing = {
    "no-fence": "attempt = %(attempt)s" not in statements.SETTLE + statements.REPORT,
    "no-lock": gpu_lock.GpuLock.acquire.__module__ != gpu_lock.__name__,
    "no-watchdog": cluster.Cluster.missing.__module__ != cluster.__name__,
    "no-reaper": recovery.reap_and_ring.__module__ != recovery.__name__,
}
print(*[guard for guard, is_missing in missing.items() if is_missing])
"""


@pytest.fixture(scope="module")
def opened() -> Iterator[Fleet]:
    with open_fleet() as fleet:
        yield fleet


@pytest.fixture
def stage(opened: Fleet) -> Iterator[Fleet]:
    """A web without hosts, jobs, files and a past; the hosts of the test go at its end."""
    opened.clear()
    yield opened
    opened.clear()


def play(stage: Fleet, name: str, *, is_mutant: bool) -> tuple[set[str], str]:
    """Which checks fell, and the table that tells why."""
    scene = SCENES[name]
    clients = Clients(stage.installation, 1)
    scenes.raise_curtain(stage, scene, scene.guard if is_mutant else None)
    scene.play(stage, clients)
    history = report.read_history(stage, clients)
    findings = judge(history)
    figures = report.figures(history, Counter(), 0)
    return fallen(findings), report.table(name, figures, findings)


@pytest.mark.parametrize("name", ["stopped_worker_goes_on"])
def test_scene_ends_well(stage: Fleet, name: str) -> None:
    """The other scenes' good ends are in tests/stack; `make chaos-mutants` plays them all."""
    fell, table = play(stage, name, is_mutant=False)
    assert not fell, table


@pytest.mark.parametrize("name", SCENES)
def test_scene_ends_badly_without_its_guard(stage: Fleet, name: str) -> None:
    fell, table = play(stage, name, is_mutant=True)
    assert SCENES[name].falls & fell, table
    assert f"mutant: {SCENES[name].guard}" in stage.installation.log_path.read_text()


@pytest.mark.parametrize("guard", [scene.guard for scene in SCENES.values()])
def test_mutant_lacks_its_guard_and_no_other(guard: str) -> None:
    command = [sys.executable, "-c", MISSING_GUARDS]
    surroundings = {"DJANGO_SETTINGS_MODULE": "imagen_site.settings"} | mutation(guard)
    printed = subprocess.check_output(
        command, cwd=ROOT, env=os.environ | surroundings, text=True, stderr=subprocess.DEVNULL
    )
    assert printed.split() == [guard]
