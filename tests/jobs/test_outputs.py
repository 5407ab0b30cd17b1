"""Files follow the rows."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from generation.jobs import outputs, recovery, services, transitions
from generation.models import GenerationJob, JobStatus
from generation.spec.errors import StorageFailed
from generation.spec.picture import Picture
from tests import factories

pytestmark = pytest.mark.django_db

PICTURE = Picture(png=factories.png(), width=128, height=128)


def test_picture_is_named_by_job_and_attempt(media) -> None:
    job, claim = factories.running_job()
    assert outputs.publish(claim, PICTURE)
    job.refresh_from_db()
    folder = f"outputs/{job.created_at:%Y/%m}"
    assert job.output.name == f"{folder}/{job.public_id}-1.png"


def test_files_of_killed_attempts_are_removed(media) -> None:
    job, _first = factories.running_job()
    default_storage.save(f"outputs/{job.created_at:%Y/%m}/{job.public_id}-1.png", ContentFile(b"x"))
    transitions.release("host/cpu")
    second = factories.claim()
    assert outputs.publish(second, PICTURE)
    job.refresh_from_db()
    assert [path.name for path in media.rglob("*.png")] == [f"{job.public_id}-2.png"]


def leave_file_of(job: GenerationJob, attempt: int) -> None:
    """As an attempt does that is killed between its file and its row."""
    name = f"outputs/{job.created_at:%Y/%m}/{job.public_id}-{attempt}.png"
    default_storage.save(name, ContentFile(b"x"))


def test_nothing_is_left_of_a_job_that_its_worker_loses_for_good(media, settings) -> None:
    settings.IMAGEN_CRASH_TRIES = 1
    job, claim = factories.running_job()
    leave_file_of(job, claim.attempt)
    recovery.recover_worker(factories.WORKER.name)
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert not list(media.rglob("*.png"))


def test_nothing_is_left_of_a_job_that_is_cancelled_between_attempts(media) -> None:
    job, claim = factories.running_job()
    leave_file_of(job, claim.attempt)
    recovery.recover_worker(factories.WORKER.name)
    job.refresh_from_db()
    assert list(media.rglob("*.png"))
    services.cancel_job(job)
    assert not list(media.rglob("*.png"))


def test_full_disk_is_a_failure_that_leaves_nothing(media, monkeypatch) -> None:
    job, claim = factories.running_job()

    def no_space(name: str, content: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save", no_space)
    with pytest.raises(StorageFailed, match="No space left"):
        outputs.publish(claim, PICTURE)
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING


def test_picture_that_is_already_gone_is_discarded_quietly(media, caplog) -> None:
    job = factories.succeeded_job(output="outputs/none.png")
    caplog.clear()
    outputs.discard_pictures(job)
    assert not caplog.records


def test_thumbnail_stands_beside_the_picture_and_goes_with_it(media) -> None:
    job, claim = factories.running_job()
    outputs.publish(claim, Picture(png=factories.png(1120, 560), width=1120, height=560))
    job.refresh_from_db()
    thumbnail = media / outputs.thumbnail_name(job.output.name)
    with Image.open(thumbnail) as image:
        assert (image.format, image.size) == ("WEBP", (560, 280))
    outputs.discard_pictures(job)
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_thumbnail_that_cannot_be_written_is_done_without(media, monkeypatch, caplog) -> None:
    job, claim = factories.running_job()
    save = default_storage.save

    def no_space_for_thumbnails(name: str, content: ContentFile) -> str:
        if name.endswith(".webp"):
            save(name, ContentFile(content.read()[:20]))
            raise OSError(28, "No space left on device")
        return save(name, content)

    monkeypatch.setattr(default_storage, "save", no_space_for_thumbnails)
    assert outputs.publish(claim, PICTURE)
    assert [path.name for path in media.rglob("*") if path.is_file()] == [f"{job.public_id}-1.png"]
    assert "without a thumbnail" in caplog.text
    assert "No space left" in caplog.text
    assert caplog.records[-1].job == str(job.public_id)


@pytest.mark.parametrize("png", [b"no picture", factories.png()[:60]])
def test_thumbnail_that_cannot_be_made_is_done_without(media, caplog, png: bytes) -> None:
    job, claim = factories.running_job()
    assert outputs.publish(claim, Picture(png=png, width=128, height=128))
    job.refresh_from_db()
    assert (media / job.output.name).read_bytes() == png
    assert "without a thumbnail" in caplog.text
