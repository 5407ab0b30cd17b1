"""Looks at /proc many times a second: which clusters live, and for which worker."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.history import Overlap

EVERY_S = 0.05
SETTLED_AFTER_TICKS = 300
"""A process of this age (3 s) no longer becomes another program."""
GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class Process:
    """A living process, told from a later one of the same number by its start."""

    pid: int
    group: int
    started_ticks: int


class GeneratorWatch(threading.Thread):
    """Samples the process groups of all clusters that were started with this environment's mark.

    A cluster belongs to the worker that its IMAGEN_WORKER_NAME names. Two groups count only when
    a second look finds both still alive, since one look takes some milliseconds.
    """

    def __init__(self, mark: str) -> None:
        super().__init__(name="watch", daemon=True)
        self.overlaps: list[Overlap] = []
        self.samples = 0
        self._mark = mark.encode()
        self._workers: dict[tuple[int, int], str | None] = {}
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self._sample()

    def stop(self) -> None:
        self._is_over.set()
        self.join()

    def groups(self) -> dict[str, set[int]]:
        """The living groups of each worker, now."""
        found: dict[str, set[int]] = defaultdict(set)
        for process, worker in self._members():
            found[worker].add(process.group)
        return found

    def _sample(self) -> None:
        self.samples += 1
        by_worker: dict[str, list[Process]] = defaultdict(list)
        for process, worker in self._members():
            by_worker[worker].append(process)
        for worker, processes in by_worker.items():
            if len({process.group for process in processes}) > 1:
                self._look_again(worker, processes)

    def _look_again(self, worker: str, processes: list[Process]) -> None:
        alive = {one.group for one in processes if _read(one.pid) == one}
        overlap = Overlap(worker=worker, groups=tuple(sorted(alive)))
        if len(alive) > 1 and overlap not in self.overlaps:
            self.overlaps.append(overlap)

    def _members(self) -> Iterator[tuple[Process, str]]:
        for entry in os.listdir("/proc"):
            if entry.isdigit() and (process := _read(int(entry))):
                worker = self._worker_of(process)
                if worker:
                    yield process, worker

    def _worker_of(self, process: Process) -> str | None:
        """The worker's name, None for a process that is no part of a watched cluster."""
        key = (process.pid, process.started_ticks)
        if key in self._workers:
            return self._workers[key]
        worker = None
        with suppress(*GONE, PermissionError):
            worker = self._ask(process.pid)
        if worker or _age_ticks(process) > SETTLED_AFTER_TICKS:
            self._workers[key] = worker
        return worker

    def _ask(self, pid: int) -> str | None:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"qcluster" not in command:
            return None
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        if self._mark not in environment:
            return None
        for line in environment.split(b"\0"):
            if line.startswith(b"IMAGEN_WORKER_NAME="):
                return line.partition(b"=")[2].decode()
        return "(no name)"


def _read(pid: int) -> Process | None:
    """None for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except GONE:
        return None
    if fields[0] in "ZXx":
        return None
    return Process(pid, int(fields[2]), int(fields[19]))


def _age_ticks(process: Process) -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 100 - process.started_ticks
