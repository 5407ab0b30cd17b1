"""One job from claim to settlement, in the worker's process."""

import contextlib
import contextvars
import functools
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from generation import conf
from generation.jobs import outage, outputs, transitions
from generation.jobs.transitions import Claim, ClaimLost, WorkerIdentity
from generation.log import about_job
from generation.models import GenerationJob
from generation.spec.errors import (
    DeadlinePassed,
    GenerationError,
    OutOfMemory,
    PromptUnreadable,
    StopGeneration,
)
from generation.spec.profiles import find_profile
from generation.spec.progress import StepProgress

if TYPE_CHECKING:
    from generation.pipeline.engine import Engine

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10.0


class CancelRequested(StopGeneration):
    """The owner or an operator asked the running job to stop."""


class ClaimGone(StopGeneration):
    """The claim was lost while painting; whoever holds it now decides."""


@functools.lru_cache(maxsize=1)
def load_engine(profile_name: str) -> "Engine":
    """The engine of a profile, loaded at first use and kept by this process.

    The only door between Django and torch: the import stands inside, so that no web process
    loads torch and no process touches it before django-q2 has forked.
    """
    from generation.pipeline.engine import Engine

    return Engine.load(find_profile(profile_name))


def run_next() -> str:
    """Claim the next job and bring it to an end; the sentence is for the cluster's log.

    With nothing to claim the engine of the present profile is loaded all the same, so that a
    worker's first ticket warms it up.
    """
    claim = transitions.claim_next(worker_identity(), timeout_s=settings.IMAGEN_JOB_TIMEOUT)
    if claim is None:
        load_engine(conf.profile().name)
        return "nothing to claim"
    with about_job(claim.public_id):
        logger.info("attempt %d started", claim.attempt)
        outcome = _run(claim)
        logger.info("attempt %d ended: %s", claim.attempt, outcome)
    return f"{claim.public_id}: {outcome}"


def worker_identity() -> WorkerIdentity:
    """Who claims here: the supervisor's name for its cluster, or this host and process."""
    pid = os.getpid()
    return WorkerIdentity(
        name=settings.IMAGEN_WORKER_NAME or f"{socket.gethostname()}/{pid}", pid=pid
    )


class RowProgress:
    """Writes each step into the job's row and ends the run when the row says so."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim

    def on_step(self, progress: StepProgress) -> None:
        """Raises CancelRequested, DeadlinePassed or ClaimGone.

        A step that cannot be written because the database is away is left out: the fence, not
        the progress, protects the job, and its picture may be done before the server is back.
        """
        try:
            standing = transitions.report_step(self.claim, progress.step)
        except ClaimLost as error:
            raise ClaimGone(str(error)) from error
        except outage.GONE as error:
            connection.close()
            logger.warning("step %d could not be written: %s", progress.step, error)
            return
        if standing.cancel_requested:
            raise CancelRequested(f"cancelled at step {progress.step}")
        if standing.is_past_deadline:
            raise DeadlinePassed(f"past the deadline at step {progress.step}")


def _run(claim: Claim) -> str:
    """Paint, publish, and settle whatever comes of it.

    Raises only what ends the process, and the error of a database that stays away.
    """
    try:
        with _heartbeat(claim):
            job = outage.wait_out(lambda: GenerationJob.objects.get(pk=claim.job_id))
            picture = load_engine(job.profile).generate(job.request, RowProgress(claim))
            return "succeeded" if outputs.publish(claim, picture) else "claim lost"
    except CancelRequested:
        settle: Callable[[], object] = functools.partial(transitions.settle_cancelled, claim)
        outcome = "cancelled"
    except ClaimGone:
        return "claim lost"
    except OutOfMemory as error:
        logger.warning("out of memory: %s", error)
        settle = functools.partial(
            transitions.postpone,
            claim,
            detail=str(error),
            delay_s=settings.IMAGEN_OOM_DELAY,
            tries=settings.IMAGEN_OOM_TRIES,
        )
        outcome = "out of memory"
    except GenerationError as error:
        # What quotes the prompt stands in the row alone.
        reason = "see error_detail" if isinstance(error, PromptUnreadable) else error
        logger.warning("%s: %s", error.code, reason)
        settle = functools.partial(transitions.fail, claim, error.code, str(error))
        outcome = error.code
    except outage.GONE:
        logger.exception("the database stayed away; the job is recovered once it is back")
        raise
    except Exception as error:
        logger.exception("internal error")
        settle = functools.partial(transitions.fail, claim, "internal_error", repr(error))
        outcome = "internal_error"
    except BaseException as error:
        logger.error("ended by %r", error)
        if isinstance(error, SystemExit):  # the cluster's time-out; what else kills is recovered
            with contextlib.suppress(*outage.GONE):
                transitions.fail(claim, "timeout", str(error))
        raise
    outage.wait_out(settle)
    return outcome


@contextlib.contextmanager
def _heartbeat(claim: Claim) -> Iterator[None]:
    """Beat from a thread while the model loads and decodes, where no step reports."""
    done = threading.Event()
    context = contextvars.copy_context()  # its log lines name the job too
    thread = threading.Thread(target=context.run, args=(_beat_until, claim, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat_until(claim: Claim, done: threading.Event) -> None:
    """Beats end with the job, the claim or the deadline; a database that is away is waited for."""
    try:
        while not done.wait(HEARTBEAT_S):
            try:
                if not transitions.beat(claim):
                    return
            except outage.GONE as error:
                connection.close()
                logger.warning("heartbeat could not be written: %s", error)
    finally:
        connection.close()
