"""How soon procrastinate starts a task: `python -m benchmarks.queue_speed.rival_probe`."""

import argparse
import json
import os
import time
from datetime import datetime

import psycopg

from benchmarks.queue_speed.probe import WARM_UPS, gaps, wait_until
from benchmarks.queue_speed.rival import app, note


def starts(count: int, seed: int) -> list[float]:
    """Milliseconds from a task's acceptance, by the server's clock, to what it noted."""
    accepted: dict[int, datetime] = {}
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS noted (number int, at timestamptz)")
        connection.execute("TRUNCATE noted")

        def defer(number: int) -> datetime:
            note.defer(number=number)
            return connection.execute("SELECT clock_timestamp()").fetchone()[0]

        def has_noted(wanted: int) -> bool:
            return connection.execute("SELECT count(*) FROM noted").fetchone() == (wanted,)

        for number in range(WARM_UPS):
            defer(-1 - number)
            wait_until(lambda number=number: has_noted(number + 1))
        for number, gap_s in enumerate(gaps(count, seed)):
            time.sleep(gap_s)
            accepted[number] = defer(number)
        wait_until(lambda: has_noted(WARM_UPS + count))
        noted = connection.execute("SELECT number, at FROM noted WHERE number >= 0").fetchall()
    return [1000 * (at - accepted[number]).total_seconds() for number, at in noted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    with app.open():
        print(json.dumps(starts(options.count, options.seed)))


if __name__ == "__main__":
    main()
