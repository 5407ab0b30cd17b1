"""What rows tell about themselves."""

import pytest
from django.db import connection

from generation.jobs import reviews, transitions
from generation.models import GenerationJob, JobPreview
from tests import factories

pytestmark = pytest.mark.django_db


def test_painted_and_shown_job_has_a_picture() -> None:
    job = factories.succeeded_job()
    assert job.has_picture
    reviews.hide(job, actor_id=job.owner_id)
    job.refresh_from_db()
    assert not job.has_picture
    assert not factories.failed_job().has_picture
    assert not factories.queued_job().has_picture


def test_row_written_without_a_format_is_a_plain_png() -> None:
    """As those of before it could be chosen."""
    job = factories.queued_job(output_format="webp")
    assert not job.has_plain_format
    with connection.cursor() as cursor:
        cursor.execute("UPDATE generation_generationjob SET output_format = DEFAULT")
    job.refresh_from_db()
    assert job.has_plain_format


@pytest.mark.parametrize(
    ("step", "steps", "percent"),
    [(0, 30, 0), (1, 30, 3), (29, 30, 96), (199, 200, 99), (7, 7, 100)],
)
def test_percent_is_100_only_at_the_end(step: int, steps: int, percent: int) -> None:
    assert GenerationJob(step=step, steps=steps).percent == percent


def test_preview_is_current_while_its_attempt_runs() -> None:
    job, claim = factories.running_job()
    assert not JobPreview.objects.current(job).exists()
    transitions.show_preview(claim, 3, b"jpeg")
    assert JobPreview.objects.current(job).get().step == 3
    other, _claim = factories.running_job()
    assert not JobPreview.objects.current(other).exists()
    JobPreview.objects.update(attempt=0)
    assert not JobPreview.objects.current(job).exists()
    JobPreview.objects.update(attempt=1)
    transitions.cancel(job.pk)
    assert JobPreview.objects.current(job).exists()
    reviews.hide(job, actor_id=job.owner_id)
    assert not JobPreview.objects.current(job).exists()
