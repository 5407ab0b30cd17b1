"""manage.py queue"""

import shlex
import time
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
    no_translations,
)
from django.utils import timezone

from generation.jobs import controls
from generation.jobs.state import ServiceState, WorkerSign, WorkerState, service_state
from generation.models import Worker
from generation.templatetags.ages import age

LOOK_EVERY_S = 0.5
HEADINGS = ("WORKER", "STATE", "DEVICE", "PROFILES", "JOB", "STEP", "LAST SEEN")
LEGEND = """
pause   running jobs are finished, no other is begun, models stay loaded, new jobs are
        accepted and wait. It holds until `queue resume`, whatever restarts.
drain   the worker finishes its job and ends, so that its device is free. It holds until
        `queue resume --worker NAME`, or until the worker is started anew.
resume  ends both.
"""


class HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """The legend as it is written, and the options of every command last."""


class Command(BaseCommand):
    help = "Show the queue and its workers; pause, drain and resume them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = HelpFormatter
        parser.epilog = LEGEND
        acts = parser.add_subparsers(dest="act", metavar="pause | drain | resume", title="acts")
        pause = acts.add_parser("pause", help="begin no more jobs")
        pause.add_argument("reason", help="why, in quotes; users read it")
        pause.add_argument("--worker", type=_worker_name, metavar="NAME", help="only this one")
        drain = acts.add_parser("drain", help="let a worker finish its job and free its device")
        drain.add_argument(
            "worker", type=_worker_name, metavar="NAME", help="as `manage.py queue` shows it"
        )
        drain.add_argument(
            "--wait",
            type=_seconds,
            metavar="SECONDS",
            help="return only when the device is free; exit status 1 if it is not by then",
        )
        resume = acts.add_parser("resume", help="end the pause, or a worker's pause and drain")
        resume.add_argument("--worker", type=_worker_name, metavar="NAME", help="only this one")

    @no_translations
    def handle(
        self,
        *args: object,
        act: str | None,
        worker: str | None = None,
        reason: str = "",
        wait: float | None = None,
        **options: object,
    ) -> None:
        worker = worker or ""  # the whole queue
        match act:
            case "pause":
                _carry_out(lambda: controls.pause(reason, worker=worker))
                self.stdout.write(f"{_called(worker)} is paused; {_resume(worker)} ends it.")
            case "resume":
                _carry_out(lambda: controls.resume(worker=worker))
                self.stdout.write(f"{_called(worker)} is resumed.")
            case "drain":
                _carry_out(lambda: controls.drain(worker))
                self.stdout.write(_wait_until_drained(worker, wait))
            case _:
                self.stdout.write("\n".join(_lines(service_state())))


def _worker_name(given: str) -> str:
    """An empty one, as of an unset variable, must not act on the whole queue."""
    if not given or not given.isprintable():
        raise ArgumentTypeError("must be a worker's name, as `manage.py queue` shows it")
    return given


def _seconds(given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 1e9:
        raise ArgumentTypeError(f"must be a number of seconds, 0 or more, not {given!r}")
    return seconds


def _carry_out(act: Callable[[], object]) -> None:
    """Raises CommandError with what to do instead."""
    try:
        act()
    except controls.UnknownWorker as refused:
        names = ", ".join(Worker.objects.values_list("name", flat=True))
        known = f"Known: {names}." if names else "None has given a sign: manage.py imagen_worker"
        raise CommandError(f"{refused} {known}") from refused
    except controls.AlreadyPaused as refused:
        raise CommandError(f"{refused}\nFor another reason, resume it first.") from refused
    except controls.NotPaused as refused:
        raise CommandError(f"{refused} What is paused or drained: manage.py queue") from refused
    except controls.ControlRefused as refused:
        raise CommandError(str(refused)) from refused


def _wait_until_drained(name: str, limit_s: float | None) -> str:
    """What to tell: at once without a limit. Raises CommandError when it passes."""
    give_up_at = time.monotonic() + (limit_s or 0)
    while True:
        sign = next((sign for sign in service_state().workers if sign.name == name), None)
        if sign is None or sign.state in (WorkerState.STOPPED, WorkerState.DRAINED):
            return f"{name} is {sign.state.label if sign else 'gone'}."
        if limit_s is None:
            return f"{name} is {_doing(sign)}."
        if sign.state not in (WorkerState.DRAINING, WorkerState.QUIET):
            raise CommandError(f"{name} was resumed by somebody else: {_doing(sign)}.")
        left_s = give_up_at - time.monotonic()
        if left_s <= 0:
            raise CommandError(
                f"{name} is not drained after {limit_s:g} s: {_doing(sign)}. It goes on draining; "
                "look again with manage.py queue"
            )
        time.sleep(min(LOOK_EVERY_S, left_s))


def _doing(sign: WorkerSign) -> str:
    if sign.paints is None:
        return str(sign.state.label)
    return f"{sign.state.label}, {sign.paints.public_id} at step {_step(sign)}"


def _lines(state: ServiceState) -> Iterable[str]:
    """The queue in sentences, the workers in a table, and why those that are paused are."""
    if state.pause:
        since = timezone.localtime(state.pause.began_at)
        by = f" by {state.pause.began_by}" if state.pause.began_by else ""
        yield f"The queue is PAUSED since {since:%Y-%m-%d %H:%M %Z}{by}: {state.pause.reason}"
    else:
        yield "The queue runs."
    oldest = f", the oldest for {age(state.oldest_wait_s)}" if state.queued else ""
    yield f"{state.queued} of at most {state.queue_limit} jobs wait{oldest}."
    yield ""
    if not state.workers:
        yield "No worker has been seen for a week. Start one: manage.py imagen_worker"
        return
    yield from _table([HEADINGS, *map(_row, state.workers)])
    for sign in state.workers:
        if sign.pause_reason:
            yield f"{sign.name} is paused: {sign.pause_reason}"
        if sign.state == WorkerState.QUIET and sign.last_error:
            yield f"{sign.name} said at last: {sign.last_error}"


def _row(sign: WorkerSign) -> Sequence[str]:
    return (
        sign.name,
        str(sign.state.label),
        sign.device,
        ", ".join(sign.profiles) or "-",
        str(sign.paints.public_id) if sign.paints else "-",
        _step(sign),
        f"{age(sign.seen_age_s)} ago",
    )


def _step(sign: WorkerSign) -> str:
    return f"{sign.paints.step}/{sign.paints.steps}" if sign.paints else "-"


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _called(worker: str) -> str:
    return worker or "The queue"


def _resume(worker: str) -> str:
    return "manage.py queue resume" + (f" --worker {shlex.quote(worker)}" if worker else "")
