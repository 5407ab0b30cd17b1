"""What the service adds to a picture: `python -m benchmarks.overhead`, or `make bench-overhead`.

The same picture is painted in turn by plain diffusers in a process of its own, and by the whole
service: web, PostgreSQL, queue, worker, 30 reports of steps, previews, file and thumbnail. Both
have the same processor and threads, and only one works at a time. The service's time is from the
acceptance of the job to its stored file, by the database's clock. Every pair of pictures is
compared pixel by pixel. Exit status 1: the goal is missed, or a picture differs.

The goal is of a picture of 512 x 512, which takes two cores some six seconds, as SDXL takes a good
card. A picture of a quarter of that stands beside it: what each picture costs weighs more there.
"""

import argparse
import hashlib
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from PIL import Image

from benchmarks.queue_speed.processes import started_worker
from benchmarks.queue_speed.report import describe_machine
from benchmarks.queue_speed.server import measure_fsync, temporary_server
from imagen_site import launch
from tests.stack.harness import ROOT, Installation, wait_for

STEPS, GUIDANCE = 30, 7.5
GOAL = 0.03
JUDGED, SMALL = 512, 256
PROMPT = "a castle on a hill at noon, number {}"
Paint = Callable[[int, int], tuple[float, str]]
"""Side and seed to seconds and the digest of the pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=12, help="pairs of pictures of each size")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        serve_bare()
        return
    with launch.orderly_process(), temporary_server() as server:
        load, fsync_ms = os.getloadavg()[0], measure_fsync(server.folder)
        (postgres,) = server.execute("SHOW server_version")[0]
        folder = server.folder / "service"
        folder.mkdir()
        service = Installation(folder, server.create("overhead"))
        service.manage("migrate", "--verbosity=0")
        service.start_web()
        with started_worker(service), bare_process(service) as bare, service.connect() as rows_of:
            customer = Customer(service, service.new_token(), rows_of)
            rows = [compare(side, options.rounds, bare, customer.paint) for side in (JUDGED, SMALL)]
        service.stop_all()
    lines = [
        *describe_machine(postgres, fsync_ms, load),
        "",
        f"| side | plain diffusers, s | the service, s | overhead | goal: at most {GOAL:.0%} |",
        "|---|---|---|---|---|",
        *(line for line, _is_met in rows),
    ]
    print("\n".join(lines))
    if options.write:
        notes = "\n\n" + (__doc__ or "").split("\n\n", 1)[1]
        options.write.write_text("# What the service adds\n\n" + "\n".join(lines) + notes)
    sys.exit(not all(is_met for _line, is_met in rows))


def compare(side: int, rounds: int, bare: Paint, whole: Paint) -> tuple[str, bool]:
    """A line of the table, and whether the goal is met and all pictures are the same."""
    for paint_one in (bare, whole):
        paint_one(side, 0)
    taken: dict[Paint, list[float]] = {bare: [], whole: []}
    differing = 0
    for seed in range(1, 1 + rounds):
        order = (bare, whole) if seed % 2 else (whole, bare)
        digests = set()
        for paint_one in order:
            seconds, digest = paint_one(side, seed)
            taken[paint_one].append(seconds)
            digests.add(digest)
        differing += len(digests) > 1
    plain_s, whole_s = (statistics.median(taken[one]) for one in (bare, whole))
    overhead = whole_s / plain_s - 1
    is_met = (overhead <= GOAL or side != JUDGED) and not differing
    verdict = "-" if side != JUDGED else "met" if is_met else "MISSED"
    if differing:
        verdict += f", {differing} of {rounds} pictures differ"
    return f"| {side} | {plain_s:.3f} | {whole_s:.3f} | {overhead:+.1%} | {verdict} |", is_met


class Customer:
    """Orders pictures through the web, and looks at the rows on one connection kept for that."""

    def __init__(self, service: Installation, token: str, rows: psycopg.Connection) -> None:
        self.service, self.token, self.rows = service, token, rows

    def paint(self, side: int, seed: int) -> tuple[float, str]:
        order = {"prompt": PROMPT.format(seed), "seed": seed, "width": side, "height": side}
        job = self.service.submit(self.token, **order, steps=STEPS, guidance_scale=GUIDANCE)
        seconds = wait_for(
            lambda: self._seconds(job), limit_s=600, what="the picture", every_s=0.25
        )
        _status, _headers, file = self.service.ask("GET", f"/image/{job}", token=self.token)
        return seconds, digest_of(Image.open(io.BytesIO(file)))

    def _seconds(self, job: str) -> float | None:
        """From acceptance to stored picture; None before."""
        row = self.rows.execute(
            "SELECT status, extract(epoch FROM finished_at - created_at)::float"
            " FROM generation_generationjob WHERE public_id = %s",
            [job],
        ).fetchone()
        assert row, f"no job {job}"
        assert row[0] in ("queued", "running", "succeeded"), self.service.log_tail()
        seconds: float | None = row[1]
        return seconds


def digest_of(picture: Image.Image) -> str:
    return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()


@contextmanager
def bare_process(service: Installation) -> Iterator[Paint]:
    """Plain diffusers, loaded once, with the worker's environment."""
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.overhead", "--bare"],
        cwd=ROOT,
        env=service.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin
    assert child.stdout
    stdin, stdout = child.stdin, child.stdout

    def paint_one(side: int, seed: int) -> tuple[float, str]:
        print(json.dumps([side, seed]), file=stdin, flush=True)
        seconds, digest = json.loads(stdout.readline())
        return seconds, digest

    try:
        yield paint_one
    finally:
        stdin.close()
        child.wait(30)


def serve_bare() -> None:
    """A picture for each line of stdin; nothing of this project but the folder of the weights."""
    import torch

    from generation.spec.profiles import MINIATURE
    from tests.pipeline import plain

    pipe = plain.load(MINIATURE.folder, with_adapter=False)
    for line in sys.stdin:
        side, seed = json.loads(line)
        began = time.perf_counter()
        with torch.inference_mode():
            picture = pipe(
                prompt=PROMPT.format(seed),
                width=side,
                height=side,
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                generator=torch.Generator("cpu").manual_seed(seed),
            ).images[0]
        print(json.dumps([time.perf_counter() - began, digest_of(picture)]), flush=True)


if __name__ == "__main__":
    main()
