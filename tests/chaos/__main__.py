"""Storms from the command line: `make chaos`, `make chaos SEEDS=10`, `make chaos-mutants`."""

import argparse
import sys
import time
from collections import Counter

from tests.chaos import report, scenes, storm
from tests.chaos.clients import Clients
from tests.chaos.fleet import open_fleet
from tests.chaos.verdict import fallen, judge


def main() -> int:
    """Print each storm's table; 1 when a check fell, or when a mutant was not found out."""
    options = _read_options()
    if options.mutant or options.scene:
        return _play_scenes(options)
    seeds = range(options.seed, options.seed + options.seeds)
    return max(_rage(seed) for seed in seeds)


def _rage(seed: int) -> int:
    began = time.monotonic()
    with open_fleet() as fleet:
        clients = Clients(fleet.installation, storm.USERS)
        for name in ("a", "b"):
            fleet.start_host(name)
        fleet.wait_until_whole()
        ended = storm.rage(fleet, clients, seed)
        history = report.read_history(fleet, clients)
        numbers = report.figures(history, ended.struck, time.monotonic() - began)
        findings = judge(history)
        print(report.table(f"seed {seed}", numbers, findings), flush=True)
        if fallen(findings):
            print(fleet.installation.log_tail(200), file=sys.stderr, flush=True)
    return int(bool(fallen(findings)))


def _play_scenes(options: argparse.Namespace) -> int:
    wanted = [
        scene
        for name, scene in scenes.SCENES.items()
        if options.scene in (name, "all") or options.mutant in (scene.guard, "all")
    ]
    return max(_play(scene, is_mutant=bool(options.mutant)) for scene in wanted)


def _play(scene: scenes.Scene, *, is_mutant: bool) -> int:
    began = time.monotonic()
    with open_fleet() as fleet:
        clients = Clients(fleet.installation, 1)
        scenes.raise_curtain(fleet, scene, scene.guard if is_mutant else None)
        scene.play(fleet, clients)
        history = report.read_history(fleet, clients)
        findings = judge(history)
        numbers = report.figures(history, Counter(), time.monotonic() - began)
    title = f"{scene.play.__name__} {scene.guard if is_mutant else ''}"
    print(report.table(title, numbers, findings), flush=True)
    expected = scene.falls if is_mutant else frozenset()
    return int(not (fallen(findings) & expected) if is_mutant else bool(fallen(findings)))


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first storm's seed (1)")
    parser.add_argument("--seeds", type=int, default=1, help="how many storms, seed by seed (1)")
    parser.add_argument(
        "--mutant",
        choices=[*(scene.guard for scene in scenes.SCENES.values()), "all"],
        help="take a guard out of the product; the verdict must fall, and 0 says that it did",
    )
    parser.add_argument(
        "--scene", choices=[*scenes.SCENES, "all"], help="the mutants' scenes, without the mutants"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
