"""What an operator can do to a job, one service call each, and how the pages word it."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from generation.api.errors import queue_full_sentence
from generation.jobs import queue, reviews, services
from generation.models import FINAL_STATUSES, GenerationJob, JobStatus
from generation.spec.errors import InvalidRequest

REFUSALS = (
    services.JobNotCancellable,
    services.JobNotDeletable,
    services.JobNotRetryable,
    reviews.ReviewRefused,
    queue.QueueFull,
    InvalidRequest,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """run: job, acting user's key, note. done: also what the admin's own log keeps."""

    label: Promise
    done: Promise
    run: Callable[[GenerationJob, int, str], object]
    fits: Callable[[GenerationJob], bool]
    takes_note: bool = False


def _can_be_cancelled(job: GenerationJob) -> bool:
    return job.status not in FINAL_STATUSES and not job.cancel_requested


def _can_be_retried(job: GenerationJob) -> bool:
    return job.status in services.RETRYABLE and not hasattr(job, "retried_as")


def _can_be_hidden(job: GenerationJob) -> bool:
    """Also before its picture is there."""
    return job.status not in services.RETRYABLE and job.hidden_at is None


def _can_be_reviewed(job: GenerationJob) -> bool:
    return job.status in FINAL_STATUSES and job.reviewed_at is None


ACTS = {
    "cancel": Act(
        label=gettext_lazy("Cancel"),
        done=gettext_lazy("Cancelled; a running job stops at its next step."),
        run=lambda job, actor_id, _note: services.cancel_job(job, actor_id=actor_id),
        fits=_can_be_cancelled,
    ),
    "retry": Act(
        label=gettext_lazy("Retry"),
        done=gettext_lazy("Retried: a new job waits for the same picture."),
        run=lambda job, actor_id, _note: services.retry_job(job, actor_id=actor_id),
        fits=_can_be_retried,
    ),
    "hide": Act(
        label=gettext_lazy("Hide the picture"),
        done=gettext_lazy("Hidden: the owner no longer sees the picture."),
        run=lambda job, actor_id, _note: reviews.hide(job, actor_id=actor_id),
        fits=_can_be_hidden,
    ),
    "show": Act(
        label=gettext_lazy("Show the picture again"),
        done=gettext_lazy("Shown: the owner sees the picture again."),
        run=lambda job, _actor_id, _note: reviews.show(job),
        fits=lambda job: job.hidden_at is not None,
    ),
    "review": Act(
        label=gettext_lazy("Mark as reviewed"),
        done=gettext_lazy("Marked as reviewed."),
        run=lambda job, actor_id, note: reviews.mark_reviewed(job, reviewer_id=actor_id, note=note),
        fits=_can_be_reviewed,
        takes_note=True,
    ),
    "unreview": Act(
        label=gettext_lazy("Take the review back"),
        done=gettext_lazy("The review was taken back."),
        run=lambda job, _actor_id, _note: reviews.unmark_reviewed(job),
        fits=lambda job: job.reviewed_at is not None,
    ),
}
"""Those of a job's own page, by the name its buttons send."""

DELETE = Act(
    label=gettext_lazy("Delete"),
    done=gettext_lazy("Deleted with its picture."),
    run=lambda job, _actor_id, _note: services.delete_job(job, by_operator=True),
    fits=lambda job: job.status in FINAL_STATUSES,
)
"""For the list alone, which asks first."""


class NoteForm(forms.Form):
    """What an operator writes beside a review."""

    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=1000,
        help_text=gettext_lazy("Only operators read it."),
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )


def sentence(refusal: Exception) -> str:
    """Why a service refused, for somebody who acts on another's job."""
    match refusal:
        case InvalidRequest():
            return " ".join(_(error.template) % error.values for error in refusal.errors)
        case queue.QueueFull():
            return queue_full_sentence(refusal, is_own=False)
    return _(refusal.template)


def count_done(count: int) -> str:
    words = ngettext("%(count)d job: done.", "%(count)d jobs: done.", count)
    return words % {"count": count}


def short_id(job: GenerationJob) -> str:
    return str(job.public_id)[:8]


def is_painted(job: GenerationJob) -> bool:
    return job.status == JobStatus.SUCCEEDED
