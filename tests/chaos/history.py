"""What a storm leaves behind, as plain rows for the verdict."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

FINAL = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(slots=True, kw_only=True)
class Order:
    """What one POST asked for and what came of it. Each order has a prompt of its own.

    answer: the HTTP status; 0 when the answer was lost, so that nobody knows. code: the problem's
    own, of a refusal.
    """

    prompt: str
    answer: int
    code: str = ""
    job_id: str = ""
    is_cancel_asked: bool = False
    was_told_cancelled: bool = False

    @property
    def is_accepted(self) -> bool:
        return self.answer == 202

    @property
    def is_in_doubt(self) -> bool:
        """Nobody knows: without an answer to the client, or to the web for its commit."""
        return self.answer == 0 or (self.answer == 503 and self.code == "unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job's row at the end. output: the file that it names, without folders."""

    id: int
    public_id: str
    owner: int
    prompt: str
    status: str
    attempt: int
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One row of the product's own log. id: grows with time."""

    id: int
    job: int
    at: datetime
    to_status: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the trigger's log: a job's status, attempt or step was written."""

    job: int
    attempt: int
    status: str
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two process groups that were seen alive at one moment for one worker's name."""

    worker: str
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that is known once everything had its time to end."""

    orders: Sequence[Order] = ()
    jobs: Sequence[Job] = ()
    moves: Sequence[Move] = ()
    changes: Sequence[Change] = ()
    files: Sequence[str] = ()
    overlaps: Sequence[Overlap] = ()
    answers: Counter[int] = field(default_factory=Counter)

    @property
    def reruns(self) -> int:
        """How often a job was begun again."""
        return sum(max(job.attempt - 1, 0) for job in self.jobs)
