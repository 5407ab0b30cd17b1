"""How quick the queue is: `python -m benchmarks.queue_speed [--quick]`, or `make bench-queue`.

Starts a PostgreSQL in a temporary folder, and true web, supervisor and worker processes with an
engine that paints nothing; prints the figures beside their goals. Exit status 1: a goal is missed.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks.queue_speed.phases import FULL, QUICK, Bench
from benchmarks.queue_speed.report import as_markdown, as_text, describe_machine
from benchmarks.queue_speed.server import measure_fsync, temporary_server
from imagen_site import launch

NOTES = """\
Three numbers are median / 95th percentile / maximum.

* Accepted to started: from the return of `services.submit_job`, whose last act is the commit, by
  `clock_timestamp()` asked next on the same connection, to `claimed_at` of the claim. One job at a
  time, after pauses of 0.05 to 0.4 s drawn from one seed, the same for every broker. procrastinate:
  from the return of `defer` to the `clock_timestamp()` that its task writes. All take turns.
* submit, position, claim, step and settle are calls of `services.submit_job`, `queue.position`,
  `transitions.claim_next`, `report_step` and `succeed` on one connection. 100 jobs of ten owners
  are submitted, asked for their position while all wait, claimed, and settled; again and again.
* Idle counts what pg_stat_statements counts: BEGIN, COMMIT and SELECT 1 too.
* Efficiency: jobs x seconds a job, through workers x seconds from the first claim to the last
  settlement. All jobs are committed at once; their workers share this one machine."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue_speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples, 100,000 rows")
    parser.add_argument("--verbose", action="store_true", help="list what idle systems ask")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table there")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with launch.orderly_process(), temporary_server() as server:
        fsync_ms = measure_fsync(server.folder)
        bench = Bench(server, QUICK if options.quick else FULL, _say)
        bench.run()
        (postgres,) = server.execute("SHOW server_version")[0]
        machine = describe_machine(postgres, fsync_ms, load)
    print("\n".join([*machine, "", as_text(bench.figures)]))
    if options.verbose:
        for name, asked in bench.asked.items():
            print(f"\n{name}: calls in {bench.sizes.idle_s} s")
            print("\n".join(f"{calls:6} {query}" for query, calls in asked.most_common()))
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(as_markdown(machine, bench.figures, NOTES))
    sys.exit(any(figure.is_met is False for figure in bench.figures))


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
