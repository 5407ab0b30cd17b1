"""Log lines: one line a record, with the job it belongs to."""

import contextlib
import contextvars
import logging
import re
import time
from collections.abc import Iterator

SECRETS = re.compile(r"(/sign-up/|/new-password/|/pictures\?)[^\s\"']+")

current_job: contextvars.ContextVar[str] = contextvars.ContextVar("current_job", default="-")


@contextlib.contextmanager
def about_job(public_id: object) -> Iterator[None]:
    """Every record inside the block carries this job's public id."""
    token = current_job.set(str(public_id))
    try:
        yield
    finally:
        current_job.reset(token)


class JobFilter(logging.Filter):
    """Gives each record its `job`: the one named by `extra`, else the one at work."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "job"):
            record.job = current_job.get()
        return True


class LineFormatter(logging.Formatter):
    """`2026-01-30T12:34:56Z INFO generation.jobs.runner job=… message`, all on one line.

    A traceback follows its message with line breaks written as \\n, so that a line-based
    reader keeps it with its record and a prompt cannot forge a line of its own. Keys in
    addresses, which open accounts, and what was searched for are left out.
    """

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)sZ %(levelname)s %(name)s job=%(job)s %(message)s", "%Y-%m-%dT%H:%M:%S"
        )

    def format(self, record: logging.LogRecord) -> str:
        line = SECRETS.sub(r"\1…", super().format(record))
        return line.replace("\r", "\\r").replace("\n", "\\n")
