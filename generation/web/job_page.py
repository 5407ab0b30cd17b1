"""All that the page of one job shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from generation import conf
from generation.jobs import queue
from generation.jobs.state import has_worker
from generation.models import FINAL_STATUSES, GenerationJob, JobPreview, JobStatus
from generation.spec.errors import failure_sentence
from generation.spec.limits import SIZE_MULTIPLE

SMALLER = 0.75
"""Of each side: little more than half the pixels."""
MAX_SQUARES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way on after a failure: a link to the form; without an address, the same order again."""

    label: str
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """A job and what its reader may do about it."""

    job: GenerationJob

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
    def position(self) -> int:
        return queue.position(self.job)

    @property
    def squares(self) -> Sequence[bool]:
        """The line before and up to this job; True is the job. Cut where it grows too long."""
        return [False] * min(self.position - 1, MAX_SQUARES) + [True]

    @cached_property
    def lacks_worker(self) -> bool:
        """Whether nobody is there to paint. Templates take an error inside `not` for a False."""
        return not has_worker()

    @property
    def revision(self) -> str:
        """Changes whenever the page shows something else."""
        job = self.job
        place = self.position if job.status == JobStatus.QUEUED else 0
        parts = [job.status, job.attempt, job.step, self.preview_step, place, job.cancel_requested]
        if job.status == JobStatus.QUEUED:
            parts.append(self.lacks_worker)
        return "-".join(str(part) for part in parts)

    @property
    def said(self) -> str:
        """What a screen reader hears when it changes: each quarter, not each step."""
        match self.job.status:
            case JobStatus.QUEUED:
                return _("Place %(place)d in the line") % {"place": self.position}
            case JobStatus.RUNNING:
                return self.progress_sentence
            case JobStatus.SUCCEEDED:
                return _("Your picture is ready.")
            case JobStatus.CANCELLED:
                return _("Cancelled")
        return _("This picture could not be painted")

    @property
    def waits_again(self) -> bool:
        return self.job.status == JobStatus.QUEUED and self.job.attempt > 0

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
    def ways(self) -> list[Way]:
        """What helps against this failure, the best first."""
        edit = Way(label=_("Edit the settings"), address=self.again())
        same = [] if self.successor else [Way(label=_("Same again"))]
        match self.job.error_code:
            case "out_of_memory":
                return [*self._smaller(), *same, edit]
            case "timeout":
                fewer = Way(
                    label=_("Try with %(steps)d steps") % {"steps": self._fewer_steps},
                    address=self.again(steps=self._fewer_steps),
                )
                return [fewer, *self._smaller(), *same]
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
    def _fewer_steps(self) -> int:
        return max(1, self.job.steps // 2)

    def _smaller(self) -> list[Way]:
        """The same at a smaller size, where the profile has one."""
        profile = conf.profiles().get(self.job.profile) or conf.profile()
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
