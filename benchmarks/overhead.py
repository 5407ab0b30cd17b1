"""What the service adds to a picture: `python -m benchmarks.overhead`, or `make bench-overhead`.

The same picture is painted in turn by plain diffusers in a process of its own, and by the whole
service: web, PostgreSQL, queue, worker, 30 reports of steps, previews, file and thumbnail. Both
have the same processor and threads, and only one works at a time. The service's time is from the
acceptance of the job to its stored file, by the database's clock. Every pair of pictures is
compared pixel by pixel. Exit status 1: the goal is missed, or a picture differs.
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

from PIL import Image

from benchmarks.queue_speed.processes import started_worker
from benchmarks.queue_speed.report import describe_machine
from benchmarks.queue_speed.server import measure_fsync, temporary_server
from imagen_site import launch
from tests.stack.harness import ROOT, Installation, wait_for

STEPS, GUIDANCE = 30, 7.5
GOAL = 0.03
SIDES = (256, 512)
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
        service.migrate()
        service.start_web()
        with started_worker(service), bare_process(service) as bare:
            token = service.new_token()
            rows = [
                compare(side, options.rounds, bare, lambda *one: paint(service, token, *one))
                for side in SIDES
            ]
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
    is_met = overhead <= GOAL and not differing
    verdict = "met" if is_met else "MISSED"
    if differing:
        verdict += f", {differing} of {rounds} pictures differ"
    return f"| {side} | {plain_s:.3f} | {whole_s:.3f} | {overhead:+.1%} | {verdict} |", is_met


def paint(service: Installation, token: str, side: int, seed: int) -> tuple[float, str]:
    """By the service; nobody asks it anything while it paints."""
    order = {"prompt": PROMPT.format(seed), "seed": seed, "width": side, "height": side}
    job = service.submit(token, **order, steps=STEPS, guidance_scale=GUIDANCE)

    def finished() -> float | None:
        status, seconds = service.row(
            job, "status, extract(epoch FROM finished_at - created_at)::float"
        )
        assert status in ("queued", "running", "succeeded"), service.log_tail()
        return seconds

    seconds = wait_for(finished, limit_s=600, what="the picture", every_s=0.2)
    _status, _headers, file = service.ask("GET", f"/image/{job}", token=token)
    return seconds, digest_of(Image.open(io.BytesIO(file)))


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
