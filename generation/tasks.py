"""What django-q2's workers call."""

from generation.jobs import runner


def run_next() -> str:
    """Spend a ticket: try to claim a job and bring it to an end."""
    return runner.run_next()
