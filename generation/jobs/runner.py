"""One job from claim to settlement, in the worker's process."""

import contextlib
import contextvars
import functools
import gc
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from generation import conf
from generation.jobs import outage, outputs, presence, transitions
from generation.jobs.transitions import Claim, ClaimLost, Standing, WorkerIdentity
from generation.log import about_job
from generation.models import GenerationJob, JobStatus
from generation.spec.adjustments import SMALLER_PLAN
from generation.spec.errors import (
    DeadlinePassed,
    GenerationError,
    ModelUnavailable,
    OutOfMemory,
    PromptUnreadable,
    StopGeneration,
    UnknownProfile,
)
from generation.spec.picture import Picture
from generation.spec.profiles import find_profile
from generation.spec.progress import StepProgress

if TYPE_CHECKING:
    from generation.pipeline.engine import Engine

logger = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
"""So that a cancellation is seen within a second, however long a step takes."""
PREVIEW_EVERY_S = 0.5
BROKEN_DEVICE = "AcceleratorError"
"""What torch raises from then on once a card's context is broken. By name: no torch is here."""
COMPILED = "compiled"
"""The folder in IMAGEN_DATA_DIR where compiled kernels are kept between starts."""


class CancelRequested(StopGeneration):
    """The owner or an operator asked the running job to stop."""


class ClaimGone(StopGeneration):
    """The claim was lost while painting; whoever holds it now decides."""


_loaded: dict[str, "Engine"] = {}
_wear: list[str] = []


def load_engine(profile_name: str) -> "Engine":
    """The engine of a profile, loaded at first use and kept until another one is asked for.

    The one before goes first where both want the card: two at once may not fit. The only door
    between Django and torch: the import stands inside, so that no web process loads torch and no
    process touches it before django-q2 has forked.
    """
    from generation.pipeline.engine import Engine

    if profile_name not in _loaded:
        try:
            profile = find_profile(profile_name, conf.profiles())
        except UnknownProfile as error:
            raise ModelUnavailable(str(error)) from error
        for name in [name for name, one in _loaded.items() if one.profile.device == profile.device]:
            del _loaded[name]
        gc.collect()
        _loaded[profile_name] = Engine.load(
            profile,
            plan_name=settings.IMAGEN_MEMORY_PLAN,
            kernels=settings.IMAGEN_DATA_DIR / COMPILED,
        )
        _note_memory(_loaded[profile_name])
    return _loaded[profile_name]


def is_worn_out() -> bool:
    """Whether memory ran out here for good, or the device answers nothing but errors any more.

    This process ends then, and the next attempt begins in a fresh one.
    """
    return bool(_wear)


def _note_memory(engine: "Engine") -> None:
    """On a card alone. The plan may have become a smaller one."""
    placement = engine.placement
    if placement.plan.is_on_card:
        presence.note_memory(
            worker_identity().name, plan=placement.plan.name, memory_gib=placement.memory_gib
        )


def run_next() -> str:
    """Claim the next job and bring it to an end; the sentence is for the cluster's log.

    With nothing to claim and no engine yet, that of the present profile is loaded all the same, so
    that a worker's first ticket warms it up.
    """
    worker = worker_identity()
    claim = transitions.claim_next(
        worker, timeout_s=settings.IMAGEN_JOB_TIMEOUT, profiles=conf.servable_profiles()
    )
    if claim is None:
        if not _loaded and conf.profile().is_installed:
            with presence.loading(worker.name):
                _warm_up()
        return "nothing to claim"
    with about_job(claim.public_id):
        logger.info("attempt %d started", claim.attempt)
        outcome = _run(claim)
        logger.info("attempt %d ended: %s", claim.attempt, outcome)
    return f"{claim.public_id}: {outcome}"


def _warm_up() -> None:
    """Load the present profile's engine and let it paint a little; a job will tell what fails."""
    try:
        engine = load_engine(conf.profile().name)
        engine.warm_up()
        _note_memory(engine)
    except OutOfMemory as error:
        logger.warning("the warm-up ran out of memory: %s", error)
        _wear.append(str(error))
    except GenerationError as error:
        logger.warning("the warm-up failed: %s: %s", error.code, error)
    except Exception as error:
        logger.exception("the warm-up failed")  # the process may end before anybody else tells
        if type(error).__name__ == BROKEN_DEVICE:
            _wear.append(repr(error))
        raise


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
        self._standing = Standing(cancel_requested=False, is_past_deadline=False)
        self._is_lost = False
        self._step = 0
        self._preview_due = 0.0

    def on_step(self, progress: StepProgress) -> None:
        """Raises CancelRequested, DeadlinePassed or ClaimGone.

        A step that cannot be written because the database is away is left out: the fence, not
        the progress, protects the job, and its picture may be done before the server is back.
        """
        self._step = progress.step
        try:
            self._standing = transitions.report_step(self.claim, progress.step)
            self._show_preview(progress)
        except ClaimLost as error:
            raise ClaimGone(str(error)) from error
        except outage.GONE as error:
            connection.close()
            logger.warning("step %d could not be written: %s", progress.step, error)
            return
        self.check()

    def check(self) -> None:
        """Raises CancelRequested, DeadlinePassed or ClaimGone once heard of. Asks nobody."""
        if self._is_lost:
            raise ClaimGone(f"{self.claim.public_id} was given to somebody else")
        if self._standing.cancel_requested:
            raise CancelRequested(f"cancelled after step {self._step}")
        if self._standing.is_past_deadline:
            raise DeadlinePassed(f"past the deadline after step {self._step}")

    def beat(self) -> bool:
        """Write a heartbeat and remember what the row says; False once the claim is over.

        Called from the heartbeat's thread, so that the painting one never waits for it.
        """
        standing = transitions.beat(self.claim)
        if standing is None:
            self._is_lost = True
        elif standing.cancel_requested or standing.is_past_deadline:
            self._standing = standing  # never taken back, so an older answer changes nothing
        return not self._is_lost

    def _show_preview(self, progress: StepProgress) -> None:
        """At most one each half second, so that quick steps do not wait for pictures."""
        now = time.monotonic()
        if progress.preview is None or now < self._preview_due:
            return
        self._preview_due = now + PREVIEW_EVERY_S
        transitions.show_preview(self.claim, progress.step, progress.preview())


def _run(claim: Claim) -> str:
    """Paint, publish, and settle whatever comes of it.

    Raises only what ends the process, and the error of a database that stays away.
    """
    try:
        progress = RowProgress(claim)
        with _heartbeat(progress):
            picture = _paint(claim, progress)
            return "succeeded" if outputs.publish(claim, picture) else "claim lost"
    except CancelRequested:
        settle: Callable[[], object] = functools.partial(transitions.settle_cancelled, claim)
        outcome = "cancelled"
    except ClaimGone:
        return "claim lost"
    except OutOfMemory as error:
        logger.warning("out of memory: %s", error)
        _wear.append(str(error))
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
        if type(error).__name__ == BROKEN_DEVICE:
            _wear.append(repr(error))
        settle = functools.partial(transitions.fail, claim, "internal_error", repr(error))
        outcome = "internal_error"
    except BaseException as error:
        logger.error("ended by %r", error)
        if isinstance(error, SystemExit):  # the cluster's time-out; what else kills is recovered
            with contextlib.suppress(*outage.GONE):
                transitions.fail(claim, "timeout", str(error))
        raise
    stands = outage.wait_out(settle)
    outputs.discard_earlier(claim)
    return _in_words(outcome, stands)


def _in_words(outcome: str, stands: object) -> str:
    """stands: a state, or whether the claim still held when this was written."""
    if not stands:
        return f"{outcome}, but the claim was lost"
    return f"{outcome}, now {stands}" if isinstance(stands, JobStatus) else outcome


def _paint(claim: Claim, progress: RowProgress) -> Picture:
    jobs = GenerationJob.objects.select_related("reference")
    job = outage.wait_out(lambda: jobs.get(pk=claim.job_id))
    reference = bytes(job.reference.file) if job.reference else None
    engine = load_engine(job.profile)
    picture: Picture = engine.generate(job.request, progress, reference)
    if SMALLER_PLAN in picture.adjustments:
        _note_memory(engine)
    return picture


@contextlib.contextmanager
def _heartbeat(progress: RowProgress) -> Iterator[None]:
    """Beat from a thread while the model loads and decodes, where no step reports."""
    done = threading.Event()
    context = contextvars.copy_context()  # its log lines name the job too
    thread = threading.Thread(target=context.run, args=(_beat_until, progress, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat_until(progress: RowProgress, done: threading.Event) -> None:
    """Beats end with the job or the claim; a database that is away is waited for."""
    try:
        while not done.wait(HEARTBEAT_S):
            try:
                if not progress.beat():
                    return
            except outage.GONE as error:
                connection.close()
                logger.warning("heartbeat could not be written: %s", error)
    finally:
        connection.close()
