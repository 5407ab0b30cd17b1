"""What django-q2's workers call."""

import os

from generation.jobs import presence, runner


def run_next() -> str:
    """Spend a ticket: try to claim a job and bring it to an end.

    Raises SystemExit where memory ran out: the supervisor puts a fresh process in this one's place.
    """
    outcome = runner.run_next()
    if runner.is_worn_out():
        presence.note_end(runner.worker_identity().name, os.getpid())
        raise SystemExit(0)
    return outcome
