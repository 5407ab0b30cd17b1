"""Makes a process of the product a mutant: CHAOS_MUTANT names what it does without.

Python imports this module by itself where PYTHONPATH names its folder. The product's modules are
changed as they are imported, so supervisors and their clusters are mutants alike.
"""

import importlib.machinery
import os
import sys
from types import ModuleType

FENCE = "AND attempt = %(attempt)s"


def take_fence_away(statements: ModuleType) -> None:
    """No UPDATE asks for the attempt any more."""
    changed = 0
    for name, text in vars(statements).items():
        if isinstance(text, str) and FENCE in text:
            setattr(statements, name, text.replace(FENCE, ""))
            changed += 1
    if not changed:
        raise RuntimeError(f"no statement has {FENCE!r}: the mutant must follow the product")


def take_lock_away(gpu_lock: ModuleType) -> None:
    """The device is free whenever somebody asks."""
    _replace(gpu_lock.GpuLock, "acquire", lambda self: True)


def take_watchdog_away(cluster: ModuleType) -> None:
    """No process of a cluster is ever missed."""
    _replace(cluster.Cluster, "missing", lambda self: frozenset())


def take_reaper_away(recovery: ModuleType) -> None:
    """Nobody takes jobs from dead workers, or rings for waiting ones."""
    _replace(recovery, "reap_and_ring", lambda: None)


MUTANTS = {
    "no-fence": ("generation.jobs.statements", take_fence_away),
    "no-lock": ("generation.worker.gpu_lock", take_lock_away),
    "no-watchdog": ("generation.worker.cluster", take_watchdog_away),
    "no-reaper": ("generation.jobs.recovery", take_reaper_away),
}


def _replace(place: object, name: str, function: object) -> None:
    if not hasattr(place, name):
        raise RuntimeError(f"{place} has no {name}: the mutant must follow the product")
    setattr(place, name, function)


class _Mutating(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        MUTANTS[os.environ["CHAOS_MUTANT"]][1](module)
        print(f"mutant: {os.environ['CHAOS_MUTANT']}", file=sys.stderr, flush=True)


class _Finder:
    """Finds the one module that the mutant changes."""

    @staticmethod
    def find_spec(
        name: str, path: list[str] | None = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != MUTANTS[os.environ["CHAOS_MUTANT"]][0]:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.origin is not None:
            spec.loader = _Mutating(name, spec.origin)
        return spec


if os.environ.get("CHAOS_MUTANT"):
    sys.meta_path.insert(0, _Finder)
