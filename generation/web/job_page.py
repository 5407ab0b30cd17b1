"""All that the page of one job shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from generation import conf
from generation.api.hints import Advice, Adviser
from generation.jobs.estimates import Estimate, Outlook, outlook
from generation.jobs.state import has_worker
from generation.models import FINAL_STATUSES, GenerationJob, JobPreview, JobStatus
from generation.spec.adjustments import ADJUSTMENTS, known_adjustments
from generation.spec.errors import failure_sentence
from generation.spec.limits import SIZE_MULTIPLE
from generation.spec.profiles import ModelProfile
from generation.templatetags.imagen import duration
from generation.web.moves import Move, moves_for_owner

SMALLER = 0.75
"""Of each side: little more than half the pixels."""
MAX_SQUARES = 24
TOLD_TO_S = 5
"""An estimate moves on by so many seconds; one that changed each second could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way on after a failure: a link to the form; without an address, the same order again."""

    label: str
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """A job and what its reader may do about it."""

    job: GenerationJob
    is_operator: bool = False

    @property
    def is_final(self) -> bool:
        return self.job.status in FINAL_STATUSES

    @property
    def title(self) -> str:
        """What the browser's tab says: the state, or the words once it is painted."""
        job = self.job
        match job.status:
            case JobStatus.RUNNING:
                shown = {"step": job.step, "steps": job.steps}
                return _("%(step)d of %(steps)d, painting") % shown
            case JobStatus.QUEUED:
                return _("In the queue")
            case JobStatus.SUCCEEDED:
                return job.prompt[:80]
            case JobStatus.FAILED:
                return _("Not painted")
        return _("Cancelled")

    @cached_property
    def preview_step(self) -> int:
        """The step that the stored preview shows; 0 where there is none to be seen."""
        if self.job.status != JobStatus.RUNNING:
            return 0
        return JobPreview.objects.current(self.job).values_list("step", flat=True).first() or 0

    @cached_property
    def _outlook(self) -> Outlook:
        return outlook([self.job])

    @property
    def position(self) -> int:
        """The place in the order of service; one that has left the queue meanwhile is first."""
        return self._outlook.places.get(self.job.pk, 1)

    @property
    def pause_reason(self) -> str:
        """Why the operator has paused the queue; empty while it runs or once the job has begun."""
        return (self._outlook.pause_reason or "") if self._is_queued else ""

    @property
    def estimate(self) -> Estimate | None:
        """None where nobody can know, and for a job that is to be cancelled."""
        if self.job.cancel_requested or self.pause_reason:
            return None
        return self._outlook.estimates.get(self.job.pk)

    @property
    def time_left(self) -> str:
        """In half of all cases it takes no longer."""
        return _told(self.estimate.p50_s) if self.estimate else ""

    @property
    def most_time_left(self) -> str:
        """In nine of ten cases; empty where that is no other time."""
        if not self.estimate:
            return ""
        told = _told(self.estimate.p90_s, rounding="up")
        return "" if told == self.time_left else told

    @cached_property
    def moves(self) -> list[Move]:
        return moves_for_owner(self.job)

    @property
    def squares(self) -> Sequence[bool]:
        """The line before and up to this job; True is the job. Cut where it grows too long."""
        return [False] * min(self.position - 1, MAX_SQUARES) + [True]

    @cached_property
    def lacks_worker(self) -> bool:
        """Whether nobody is there to paint with its model.

        Templates take an error inside `not` for a False.
        """
        return self.estimate is None and not has_worker(self.job.profile)

    @property
    def revision(self) -> str:
        """Changes whenever the page shows something else."""
        job = self.job
        parts = [job.status, job.attempt, job.step, self.preview_step, job.cancel_requested]
        if not self.is_final:
            parts += [self.time_left, self.most_time_left]
        if self._is_queued:
            parts += [self.position, self.pause_reason, self.lacks_worker]
        return "-".join(str(part) for part in parts)

    @property
    def said(self) -> str:
        """What a screen reader hears when it changes: each quarter, not each step."""
        match self.job.status:
            case JobStatus.QUEUED:
                place = _("Place %(place)d in the line") % {"place": self.position}
                return f"{place}. {self.pause_sentence}" if self.pause_reason else place
            case JobStatus.RUNNING:
                return self.progress_sentence
            case JobStatus.SUCCEEDED:
                is_ready = self.job.has_picture
                return (
                    _("Your picture is ready.")
                    if is_ready
                    else _("An operator has hidden this picture.")
                )
            case JobStatus.CANCELLED:
                return _("Cancelled")
        return _("This picture could not be painted")

    @property
    def pause_sentence(self) -> str:
        return _("The queue is paused: %(reason)s") % {"reason": self.pause_reason}

    @property
    def waits_again(self) -> bool:
        return self._is_queued and self.job.attempt > 0 and not self.waits_for_memory

    @property
    def waits_for_memory(self) -> bool:
        """Whether its last attempt ran out of it, and the next one comes after a pause."""
        return self._is_queued and self.job.not_before is not None

    @property
    def _is_queued(self) -> bool:
        return self.job.status == JobStatus.QUEUED

    @property
    def progress_sentence(self) -> str:
        quarter = self.job.percent // 25
        sentences = (
            _("Painting has begun."),
            _("A quarter is painted."),
            _("Half painted."),
            _("Three quarters are painted."),
            _("Painted; the colours are being developed."),
        )
        return sentences[quarter]

    @property
    def profile_title(self) -> str:
        profile = conf.profiles().get(self.job.profile)
        return profile.title if profile else self.job.profile

    @cached_property
    def advice(self) -> Advice | None:
        """What its model does not know of its words."""
        return Adviser(is_operator=self.is_operator).advise(self.job.profile, self.job.prompt)

    @property
    def with_other_model(self) -> str:
        """The form with this order for the model that paints anything; empty where none is."""
        if self.advice is None or not self.advice.other_model:
            return ""
        return self.again(profile=self.advice.other_model)

    @property
    def seconds(self) -> float | None:
        """From the last claim to the end."""
        if not self.job.finished_at or not self.job.claimed_at:
            return None
        return (self.job.finished_at - self.job.claimed_at) / timedelta(seconds=1)

    @property
    def failure(self) -> str:
        return _(failure_sentence(self.job.error_code))

    @property
    def adjustments(self) -> list[str]:
        """What little memory had changed on the way to the picture."""
        return [_(ADJUSTMENTS[code]) for code in known_adjustments(self.job.adjustments)]

    @property
    def ways(self) -> list[Way]:
        """What helps against this failure, the best first."""
        edit = Way(label=_("Edit the settings"), address=self.again())
        same = [] if self.successor else [Way(label=_("Same again"))]
        match self.job.error_code:
            case "out_of_memory" | "does_not_fit":
                return [*self._smaller(), *same, edit]
            case "timeout":
                return [*self._fewer(), *self._smaller(), *same]
            case "prompt_unreadable" | "reference_unreadable" | "not_finite":
                return [edit, *same]
        return [*same, edit]

    @cached_property
    def successor(self) -> GenerationJob | None:
        return getattr(self.job, "retried_as", None)

    def again(self, **changes: object) -> str:
        """The form with this order in it."""
        query = urlencode({"again": str(self.job.public_id), **changes})
        return f"{reverse('web:create')}?{query}"

    @property
    def vary(self) -> str:
        return self.again(vary=1)

    @property
    def _profile(self) -> ModelProfile:
        """The job's own; the default where that is gone, which the form then offers."""
        return conf.profiles().get(self.job.profile) or conf.profile()

    def _fewer(self) -> list[Way]:
        """The same in half the steps, where the profile takes fewer."""
        steps = max(self._profile.steps(conf.limits()).minimum, self.job.steps // 2)
        if steps >= self.job.steps:
            return []
        label = _("Try with %(steps)d steps") % {"steps": steps}
        return [Way(label=label, address=self.again(steps=steps))]

    def _smaller(self) -> list[Way]:
        """The same at a smaller size, where the profile has one."""
        profile = self._profile
        sides = (self.job.width, self.job.height)
        width, height = (
            max(profile.min_side, int(side * SMALLER) // SIZE_MULTIPLE * SIZE_MULTIPLE)
            for side in sides
        )
        if width * height >= self.job.width * self.job.height:
            return []
        size = {"width": width, "height": height}
        label = _("Try at %(width)d \N{MULTIPLICATION SIGN} %(height)d") % size
        return [Way(label=label, address=self.again(**size))]


def _told(seconds: float, rounding: str = "") -> str:
    """In words, and in steps that the eye does not stumble over."""
    steps = math.ceil if rounding else round
    return duration(max(1, steps(seconds / TOLD_TO_S)) * TOLD_TO_S, rounding)
