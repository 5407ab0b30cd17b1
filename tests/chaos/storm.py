"""Faults by seed: who is killed or stopped, and when."""

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from threading import Event

from tests.chaos.clients import Clients
from tests.chaos.fleet import STALE_AFTER_S, Fleet, Host, in_thread, kill
from tests.chaos.history import FINAL

JOBS = 30
USERS = 4
LENGTH_S = 55.0
PAUSES_S = (0.8, 2.6)
STOPPED_S = STALE_AFTER_S + 7.0
"""Beyond the lease, the reaper's period, and the other worker's claim."""
PATIENCE_S = (2.0, 8.0)
"""How long a fault waits for its victim; the second is a stop's, which is the rarest."""
DRAIN_LIMIT_S = 120.0


class Kind(StrEnum):
    """What strikes. The first six are one process of a host, killed with SIGKILL."""

    SUPERVISOR = "supervisor"
    PARENT = "parent"
    SENTINEL = "sentinel"
    WORKER = "worker"
    MONITOR = "monitor"
    PUSHER = "pusher"
    GROUP = "group"
    WEB = "web"
    STOP = "stop"
    DATABASE = "database"


CREW = (Kind.PARENT, Kind.SENTINEL, Kind.WORKER, Kind.MONITOR, Kind.PUSHER)
WEIGHTS = {
    Kind.SUPERVISOR: 4,
    Kind.PARENT: 2,
    Kind.SENTINEL: 2,
    Kind.WORKER: 6,
    Kind.MONITOR: 2,
    Kind.PUSHER: 2,
    Kind.GROUP: 2,
    Kind.WEB: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One stroke, so many seconds after the storm's beginning. host: a number of one of them."""

    at_s: float
    kind: Kind
    host: int


def plan(seed: int, hosts: int) -> list[Fault]:
    """The faults of this seed: a kill every few seconds, two stops, and the database once or twice.

    A stop comes early enough for its process to go on within the storm.
    """
    draw = random.Random(seed)
    times = list(_times(draw))
    kinds = draw.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=len(times))
    early = range(sum(at_s < LENGTH_S - STOPPED_S for at_s in times))
    first, second = draw.sample(early, 2)
    kinds[first] = kinds[second] = Kind.STOP
    for place in draw.sample([n for n in range(len(times)) if kinds[n] is not Kind.STOP], 2):
        kinds[place] = Kind.DATABASE
    return [
        Fault(at_s=at_s, kind=kind, host=draw.randrange(hosts))
        for at_s, kind in zip(times, kinds, strict=True)
    ]


class Storm:
    """Carries a plan out on a fleet. `struck` counts what really hit a process."""

    def __init__(self, fleet: Fleet, faults: list[Fault]) -> None:
        self.fleet = fleet
        self.struck: Counter[Kind] = Counter()
        self._faults = faults
        self._stopped: list[tuple[float, int]] = []

    def rage(self) -> None:
        """Let every fault strike at its time, and start again at once whoever died."""
        began = time.monotonic()
        for fault in self._faults:
            self._wait_until(began + fault.at_s)
            self._insist(fault)
        self._wait_until(began + LENGTH_S)
        for _due, pid in self._stopped:
            kill(pid, signal.SIGCONT)

    def _insist(self, fault: Fault) -> None:
        """Strike, or wait a little for somebody to strike at: a cluster may just be starting."""
        give_up_at = time.monotonic() + PATIENCE_S[fault.kind is Kind.STOP]
        while not self._strike(fault):
            if time.monotonic() > give_up_at:
                return
            self._wait_until(time.monotonic() + 0.2)
        self.struck[fault.kind] += 1

    def _wait_until(self, moment: float) -> None:
        while (now := time.monotonic()) < moment:
            self.fleet.tend()
            for due, pid in self._stopped:
                if due <= now:
                    kill(pid, signal.SIGCONT)
            self._stopped = [(due, pid) for due, pid in self._stopped if due > now]
            time.sleep(0.05)

    def _strike(self, fault: Fault) -> bool:
        host = self.fleet.hosts[fault.host]
        match fault.kind:
            case Kind.DATABASE:
                return self.fleet.shut_database_down()
            case Kind.WEB:
                web = self.fleet.installation.web
                return web is not None and kill(web.pid, signal.SIGKILL)
            case Kind.STOP:
                return self._stop_worker(host)
            case Kind.SUPERVISOR:
                return kill(host.supervisor.pid, signal.SIGKILL)
            case Kind.GROUP:
                return any([kill(process.pid, signal.SIGKILL) for process in host.crew()])
            case _:
                return self._kill_member(host, fault.kind)

    def _kill_member(self, host: Host, kind: Kind) -> bool:
        """Of a crew that is not whole yet, whoever is nearest to the place."""
        if kind is Kind.WORKER:
            pid = self._worker_pid(host)
            return pid is not None and kill(pid, signal.SIGKILL)
        crew = sorted(process.pid for process in host.crew())
        place = min(CREW.index(kind), len(crew) - 1)
        return bool(crew) and kill(crew[place], signal.SIGKILL)

    def _stop_worker(self, host: Host) -> bool:
        pid = self._worker_pid(host)
        if pid is None or not kill(pid, signal.SIGSTOP):
            return False
        self._stopped.append((time.monotonic() + STOPPED_S, pid))
        return True

    def _worker_pid(self, host: Host) -> int | None:
        """Who works on a job for this host, else its idle worker; None while it has neither."""
        rows = self.fleet.query(
            "SELECT worker_pid FROM generation_generationjob"
            " WHERE status = 'running' AND worker = %s",
            [host.name],
        )
        crew = sorted(process.pid for process in host.crew())
        busy = [row[0] for row in rows if row[0] in crew]
        return next(iter(busy or crew[2:3]), None)


def rage(fleet: Fleet, clients: Clients, seed: int) -> Storm:
    """A storm over running jobs, and the calm after it; returns when all has ended, or in time."""
    storm = Storm(fleet, plan(seed, len(fleet.hosts)))
    end = Event()
    ordering = in_thread(
        lambda: clients.order_in_storm(random.Random(-seed), JOBS, 0.7 * LENGTH_S, end), "clients"
    )
    storm.rage()
    end.set()
    fleet.wait_tending(lambda: not ordering.is_alive(), limit_s=70)
    drain(fleet, limit_s=DRAIN_LIMIT_S)
    return storm


def drain(fleet: Fleet, *, limit_s: float) -> bool:
    """Wait until every job has ended; False when some have not in time."""
    statement = "SELECT count(*) FROM generation_generationjob WHERE status <> ALL(%s)"
    return fleet.wait_tending(
        lambda: fleet.query(statement, [sorted(FINAL)]) == [(0,)], limit_s=limit_s
    )


def _times(draw: random.Random) -> Iterator[float]:
    at_s = 0.0
    for _ in count():
        at_s += draw.uniform(*PAUSES_S)
        if at_s > LENGTH_S:
            return
        yield at_s
