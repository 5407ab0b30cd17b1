"""What is measured, in the order in which it is measured. Processes are true; engines are idle."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.queue_speed.processes import (
    run_module,
    running,
    started_crews,
    started_web,
    started_worker,
)
from benchmarks.queue_speed.report import Figure, Spread, at_least, at_most
from benchmarks.queue_speed.server import Server
from tests.stack.harness import Installation

OWN = "benchmarks.queue_speed.settings"
PLAIN = "benchmarks.queue_speed.plain_settings"
PROBE = "benchmarks.queue_speed.probe"
RIVAL = ("procrastinate", "--app=benchmarks.queue_speed.rival.app")
RIVAL_PROBE = "benchmarks.queue_speed.rival_probe"
FEW_ROWS = 1_000
JOB_STEPS = 5
STEP_S = 0.2
SETTLING_S = 6.0

START_GOAL_MS = 15.0
IDLE_GOAL = 2.0
STEP_GOAL_MS = 0.5
EFFICIENCY_GOAL = 90.0
RATIO_GOAL = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    rows: int
    start_rounds: int
    starts: int  # a round
    statement_rounds: int  # of a hundred jobs
    steps: int  # a round
    idle_s: int
    crews: tuple[int, ...]
    jobs_each: int


FULL = Sizes(
    rows=1_000_000,
    start_rounds=4,
    starts=50,
    statement_rounds=5,
    steps=250,
    idle_s=60,
    crews=(1, 2, 4, 8),
    jobs_each=20,
)
QUICK = Sizes(
    rows=100_000,
    start_rounds=1,
    starts=30,
    statement_rounds=3,
    steps=150,
    idle_s=15,
    crews=(8,),
    jobs_each=10,
)


class Bench:
    """One server, and the figures that were measured on it so far."""

    def __init__(self, server: Server, sizes: Sizes, say: Callable[[str], None]) -> None:
        self.server = server
        self.sizes = sizes
        self.say = say
        self.figures: list[Figure] = []
        self.asked: dict[str, Counter[str]] = {}

    def run(self) -> None:
        self.say("making the databases")
        migrated = self._installation("migrated", self.server.create("migrated"))
        migrated.manage("migrate", "--verbosity=0")
        for name in ("few", "many", "plain", "crews"):
            self.server.create(name, template="migrated")
        rival = self._rival()
        for name, rows in (("few", FEW_ROWS), ("many", self.sizes.rows)):
            self.say(f"writing {rows:,} finished jobs")
            run_module(self._installation(name), PROBE, "fill", f"--count={rows}")
        self._measure_starts(rival)
        self._measure_statements()
        self._measure_idle()
        for crews in self.sizes.crews:
            self._measure_efficiency(crews)

    def _measure_starts(self, rival: Installation | None) -> None:
        """All in turns, so that a machine that is busy for a while is so for all."""
        few, many = self._installation("few"), self._installation("many")
        plain = self._installation("plain", settings=PLAIN)
        taken: dict[str, list[float]] = {"few": [], "many": [], "plain": [], "rival": []}
        for round_ in range(self.sizes.start_rounds):
            self.say(f"starts, round {round_ + 1} of {self.sizes.start_rounds}")
            sizes = (f"--count={self.sizes.starts}", f"--seed={round_}")
            for name, installation in (("few", few), ("many", many), ("plain", plain)):
                with started_worker(installation):
                    taken[name] += json.loads(run_module(installation, PROBE, "starts", *sizes))
            if rival:
                with running(rival, ["-m", *RIVAL, "worker"]):
                    taken["rival"] += json.loads(run_module(rival, RIVAL_PROBE, *sizes))
        self._compare("accepted to started", taken["few"], taken["many"], START_GOAL_MS)
        name = "the same with django-q2's own broker, poll 0.2 s"
        self.figures.append(Figure(name=name, measured=str(Spread(samples=taken["plain"]))))
        shown = str(Spread(samples=taken["rival"])) if rival else "not installed"
        self.figures.append(Figure(name="a task of procrastinate, LISTEN on", measured=shown))

    def _rival(self) -> Installation | None:
        try:
            import procrastinate  # noqa: F401
        except ImportError:
            return None
        installation = self._installation("rival", self.server.create("rival"))
        run_module(installation, *RIVAL, "schema", "--apply")
        return installation

    def _measure_statements(self) -> None:
        self.say("statements")
        taken: dict[str, dict[str, list[float]]] = {"few": {}, "many": {}}
        for _round in range(self.sizes.statement_rounds):
            for name, acts in taken.items():
                steps = f"--steps={self.sizes.steps}"
                answer = run_module(self._installation(name), PROBE, "statements", steps)
                for act, samples in json.loads(answer).items():
                    acts.setdefault(act, []).extend(samples)
        for act, samples in taken["few"].items():
            goal = STEP_GOAL_MS if act == "step" else None
            self._compare(act, samples, taken["many"][act], goal)

    def _compare(
        self, name: str, few: list[float], many: list[float], goal_ms: float | None
    ) -> None:
        """Among a thousand finished jobs and among many; the goal holds for both."""
        spreads = {FEW_ROWS: Spread(samples=few), self.sizes.rows: Spread(samples=many)}
        for rows, spread in spreads.items():
            among = f"{name}, among {rows:,} finished jobs"
            self.figures.append(
                Figure(name=among, measured=str(spread))
                if goal_ms is None
                else at_most(among, str(spread), spread.p50, goal_ms, " ms")
            )
        ratio = spreads[self.sizes.rows].p50 / spreads[FEW_ROWS].p50
        shown = f"x {ratio:.2f}"
        self.figures.append(at_most(f"{name}, many against few", shown, ratio, RATIO_GOAL))

    def _measure_idle(self) -> None:
        """Both brokers rest side by side; PostgreSQL tells their databases apart."""
        self.say(f"idle for {self.sizes.idle_s} s")
        own, plain = self._installation("few"), self._installation("plain", settings=PLAIN)
        with started_worker(own), started_web(own), started_worker(plain), started_web(plain):
            time.sleep(SETTLING_S)
            self.server.execute("SELECT pg_stat_statements_reset()")
            began = time.monotonic()
            time.sleep(self.sizes.idle_s)
            rows = self.server.execute(
                "SELECT datname, query, calls FROM pg_stat_statements"
                "  JOIN pg_database ON pg_database.oid = dbid"
            )
            lasted_s = time.monotonic() - began
        names = {
            "few": "idle: web, supervisor and cluster",
            "plain": "idle: the same with django-q2's own broker",
        }
        for database, name in names.items():
            asked = self.asked[name] = Counter()
            for of, query, calls in rows:
                if of == database:
                    asked[" ".join(query.split())] += calls
            rate = asked.total() / lasted_s
            shown = f"{rate:.2f} queries a second"
            self.figures.append(
                at_most(name, shown, rate, IDLE_GOAL)
                if database == "few"
                else Figure(name=name, measured=shown)
            )

    def _measure_efficiency(self, crews: int) -> None:
        count, job_s = crews * self.sizes.jobs_each, JOB_STEPS * STEP_S
        self.say(f"{crews} workers, {count} jobs of {job_s:g} s")
        installation = self._installation("crews")
        with started_crews(installation, crews, step_s=STEP_S):
            arguments = (f"--count={count}", f"--steps={JOB_STEPS}")
            wall_s = float(run_module(installation, PROBE, "work", *arguments))
        efficiency = 100 * count * job_s / (crews * wall_s)
        name = f"efficiency of {crews} worker{'s' if crews > 1 else ''}"
        shown = f"{efficiency:.1f} %, {count} jobs of {job_s:g} s in {wall_s:.1f} s"
        self.figures.append(
            at_least(name, shown, efficiency, EFFICIENCY_GOAL, " %")
            if crews == max(self.sizes.crews)
            else Figure(name=name, measured=shown)
        )

    def _installation(
        self, name: str, url: str | None = None, *, settings: str = OWN
    ) -> Installation:
        folder = self.server.folder / name
        folder.mkdir(exist_ok=True)
        return Installation(
            folder,
            url or self.server.url_of(name),
            CUDA_VISIBLE_DEVICES="",
            DJANGO_SETTINGS_MODULE=settings,
            IMAGEN_LOG_LEVEL="WARNING",
            IMAGEN_MAX_STEPS="1000",
            IMAGEN_QUEUE_LIMIT="10000",
            IMAGEN_USER_QUEUE_LIMIT="10000",
        )
