"""The queue and its workers, as the database knows them."""

import shlex
from collections.abc import Iterable

from django.db import Error, connection
from django.utils import timezone

from generation import conf
from generation.doctor.finding import Finding, bad, ok, one_line, warning
from generation.jobs.state import (
    LIVING,
    RECENT,
    ServiceState,
    WorkerSign,
    WorkerState,
    has_worker,
    service_state,
)
from generation.models import GenerationJob
from generation.templatetags.ages import age

START = "manage.py imagen_worker"
MENDING = {
    "out_of_memory": "smaller pictures, or a smaller plan: see the card above",
    "does_not_fit": "smaller pictures, or a worker with a larger card",
    "timeout": "fewer steps, smaller pictures, or a higher IMAGEN_JOB_TIMEOUT",
    "worker_crashed": "the worker's log, by the job's id; dmesg | grep -i -E 'oom|xid'",
    "storage_failed": "room and rights in IMAGEN_MEDIA_ROOT: see media above",
    "reference_unreadable": "the reference picture: see above",
    "model_unavailable": "manage.py doctor --deep",
}
"""What an operator does about jobs that failed so."""

_FAILURES = """
SELECT reason, count(*) FROM generation_jobtransition
 WHERE at >= statement_timestamp() - interval '24 hours' AND to_status = 'failed'
 GROUP BY reason ORDER BY count(*) DESC, reason
"""


def examine() -> Iterable[Finding]:
    """To be asked only where the tables are those of this code."""
    try:
        state = service_state()
        yield _queue(state)
        yield from _workers(state)
        yield from _unserved()
        yield _failures()
    except Error as error:
        yield bad("queue", one_line(f"cannot be asked: {error}"), "manage.py doctor, once more")


def _queue(state: ServiceState) -> Finding:
    words = f"{state.queued} of {state.queue_limit} wait, {len(state.running)} painted now"
    if state.queued:
        words += f", the oldest for {age(state.oldest_wait_s)}"
    if state.pause:
        words = one_line(f"paused ({state.pause.reason}); {words}")
        return warning("queue", words, "manage.py queue resume")
    if state.queued >= state.queue_limit:
        remedy = f"another worker ({START}), or a higher IMAGEN_QUEUE_LIMIT"
        return bad("queue", f"full, orders are refused: {words}", remedy)
    return ok("queue", words)


def _workers(state: ServiceState) -> Iterable[Finding]:
    """Those that live, are held or went quiet; that nobody paints, where nobody does."""
    shown = [sign for sign in state.workers if sign.state != WorkerState.STOPPED]
    if not state.has_worker and not state.is_held:
        fault = bad if state.queued else warning
        yield fault("workers", f"none lives; waiting jobs: {state.queued}", START)
    yield from map(_worker, shown)


def _worker(sign: WorkerSign) -> Finding:
    served = ", ".join(sign.profiles) or "nothing"
    words = f"{sign.name} {sign.state.label}, serves {served}"
    seen = f"seen {age(sign.seen_age_s)} ago"
    if sign.state == WorkerState.QUIET:
        said = f", said at last: {sign.last_error}" if sign.last_error else ""
        remedy = f"{START}  on {sign.host}; its log tells why it went"
        return warning("worker", one_line(f"{sign.name} has gone quiet, {seen}{said}"), remedy)
    if sign.state not in LIVING or sign.pause_reason:
        why = f" ({sign.pause_reason})" if sign.pause_reason else ""
        remedy = f"manage.py queue resume --worker {shlex.quote(sign.name)}"
        return warning("worker", one_line(f"{words}{why}"), remedy)
    if not sign.profiles:
        return warning("worker", words, f"manage.py profiles  on {sign.host}")
    if sign.profile != conf.profile().name:
        return warning(
            "worker",
            f"{words}; it has IMAGEN_PROFILE={sign.profile}, this shell {conf.profile().name}",
            "give the doctor the service's environment, or start the worker with this one",
        )
    if sign.last_error and _is_recent(sign):
        words = one_line(f"{words}; restarted its crew: {sign.last_error}")
        return warning("worker", words, f"the log of the worker on {sign.host}")
    return ok("worker", f"{words}, {seen}")


def _is_recent(sign: WorkerSign) -> bool:
    """By this host's clock; a day is no matter of minutes."""
    return sign.last_error_at is not None and timezone.now() - sign.last_error_at < RECENT


def _unserved() -> Iterable[Finding]:
    """Models that jobs wait for and no living worker has."""
    waiting = GenerationJob.objects.queued().order_by("profile").values_list("profile", flat=True)
    for profile in waiting.distinct():
        if has_worker() and not has_worker(profile):
            count = GenerationJob.objects.queued().filter(profile=profile).count()
            yield bad(
                "unserved",
                f"no living worker has {profile}; waiting jobs: {count}",
                _bringing(profile),
            )


def _bringing(profile: str) -> str:
    """How a worker comes to have it; the profile may be known to another host alone."""
    known = conf.profiles().get(profile)
    command = known.install_command if known else ""
    return f"{command or 'manage.py profiles'}  on a worker's host"


def _failures() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(_FAILURES)
        counts: list[tuple[str, int]] = cursor.fetchall()
    if not counts:
        return ok("failures", "none in 24 hours")
    total = sum(count for _code, count in counts)
    listed = ", ".join(f"{count} {code}" for code, count in counts)
    remedy = MENDING.get(counts[0][0], "the log, by the job's id")
    return warning("failures", f"{total} in 24 hours: {listed}", remedy)
