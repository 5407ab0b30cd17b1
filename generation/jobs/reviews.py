"""What operators note on jobs: reviewed, hidden. Nothing here moves a job."""

import logging
from collections.abc import Mapping

from django.db.models import Q
from django.db.models.functions import Now

from generation.models import FINAL_STATUSES, GenerationJob
from generation.spec.errors import gettext_noop

logger = logging.getLogger(__name__)


class ReviewRefused(Exception):
    """The job's marks do not allow it."""

    template = gettext_noop("This cannot be noted on this job.")


class NotReviewable(ReviewRefused):
    """The job has not ended, or somebody has reviewed it."""

    template = gettext_noop("Only a job that has ended can be reviewed, and once.")


class NotReviewed(ReviewRefused):
    """There is no review to take back."""

    template = gettext_noop("This job has not been reviewed.")


class AlreadyHidden(ReviewRefused):
    """The picture is hidden."""

    template = gettext_noop("This job's picture is hidden already.")


class NotHidden(ReviewRefused):
    """The picture is shown."""

    template = gettext_noop("This job's picture is not hidden.")


def mark_reviewed(job: GenerationJob, *, reviewer_id: int, note: str = "") -> None:
    """Note who looked at an ended job. Raises NotReviewable for one that runs or was reviewed."""
    is_due = Q(status__in=FINAL_STATUSES, reviewed_at__isnull=True)
    values = {"reviewed_at": Now(), "reviewed_by_id": reviewer_id, "review_note": note}
    _note(job, is_due, values, NotReviewable, "reviewed")


def unmark_reviewed(job: GenerationJob) -> None:
    """Take the review back, with its note. Raises NotReviewed."""
    values = {"reviewed_at": None, "reviewed_by_id": None, "review_note": ""}
    _note(job, Q(reviewed_at__isnull=False), values, NotReviewed, "review taken back")


def hide(job: GenerationJob, *, actor_id: int) -> None:
    """Keep the picture, now or to come, from its owner, and note who did. Raises AlreadyHidden.

    Why is for the note of the review to tell.
    """
    values = {"hidden_at": Now(), "hidden_by_id": actor_id}
    _note(job, Q(hidden_at__isnull=True), values, AlreadyHidden, "hidden")


def show(job: GenerationJob) -> None:
    """Let the owner see the picture again. Raises NotHidden."""
    values = {"hidden_at": None, "hidden_by_id": None}
    _note(job, Q(hidden_at__isnull=False), values, NotHidden, "shown again")


def _note(
    job: GenerationJob,
    condition: Q,
    values: Mapping[str, object],
    refusal: type[ReviewRefused],
    words: str,
) -> None:
    """One conditional UPDATE of these columns alone."""
    if not GenerationJob.objects.filter(condition, pk=job.pk).update(**values):
        raise refusal(f"job {job.public_id} was not {words}")
    logger.info("%s", words, extra={"job": str(job.public_id)})
