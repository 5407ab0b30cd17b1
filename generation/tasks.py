"""What django-q2's workers call."""

import contextlib
import os

from generation.jobs import outage, presence, runner


def run_next() -> str:
    """Spend a ticket: try to claim a job and bring it to an end.

    Raises SystemExit where memory ran out or the device broke, whatever else happened then: the
    supervisor puts a fresh process in this one's place.
    """
    try:
        return runner.run_next()
    finally:
        if runner.is_worn_out():
            with contextlib.suppress(*outage.GONE):
                presence.note_end(runner.worker_identity().name, os.getpid())
            raise SystemExit(0)
