"""Files follow the rows."""

import dataclasses
import io

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from generation.jobs import outputs, recovery, services, transitions
from generation.models import GenerationJob, JobStatus
from generation.spec.errors import StorageFailed
from generation.spec.formats import FORMATS, JPEG, PNG, PNG16, WEBP, FileFormat
from tests import factories
from tests.uploads import hostile

pytestmark = pytest.mark.django_db

PICTURE = factories.picture()


@pytest.mark.parametrize(
    ("file_format", "suffix"), [(PNG, ".png"), (PNG16, ".png"), (WEBP, ".webp"), (JPEG, ".jpg")]
)
def test_picture_is_named_by_job_attempt_and_format(media, file_format, suffix: str) -> None:
    job, claim = factories.running_job(output_format=file_format.name)
    assert outputs.publish(claim, factories.picture(file_format))
    job.refresh_from_db()
    folder = f"outputs/{job.created_at:%Y/%m}"
    assert job.output.name == f"{folder}/{job.public_id}-1{suffix}"


@pytest.mark.parametrize("file_format", FORMATS.values(), ids=FORMATS)
def test_files_of_killed_attempts_are_removed(media, file_format: FileFormat) -> None:
    job, _first = factories.running_job(output_format=file_format.name)
    leave_files_of(job, 1)
    transitions.release("host/cpu")
    second = factories.claim()
    assert outputs.publish(second, factories.picture(file_format))
    job.refresh_from_db()
    assert len(files_of(media)) == 2
    assert all(name.startswith(f"{job.public_id}-2.") for name in files_of(media))


def leave_files_of(job: GenerationJob, attempt: int) -> None:
    """As an attempt does that is killed between its files and its row."""
    suffix = job.file_format.suffix
    name = f"outputs/{job.created_at:%Y/%m}/{job.public_id}-{attempt}{suffix}"
    for left in (name, outputs.thumbnail_name(name)):
        default_storage.save(left, ContentFile(b"x"))


def files_of(media) -> set[str]:
    return {path.name for path in media.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_left_of_a_job_that_its_worker_loses_for_good(media, settings, name) -> None:
    settings.IMAGEN_CRASH_TRIES = 1
    job, claim = factories.running_job(output_format=name)
    leave_files_of(job, claim.attempt)
    recovery.recover_worker(factories.WORKER.name)
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert not files_of(media)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_left_of_a_job_that_is_cancelled_between_attempts(media, name) -> None:
    job, claim = factories.running_job(output_format=name)
    leave_files_of(job, claim.attempt)
    recovery.recover_worker(factories.WORKER.name)
    job.refresh_from_db()
    assert files_of(media)
    services.cancel_job(job)
    assert not files_of(media)


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
    outputs.publish(claim, factories.picture(width=1120, height=560))
    job.refresh_from_db()
    thumbnail = media / outputs.thumbnail_name(job.output.name)
    with Image.open(thumbnail) as image:
        assert (image.format, image.size) == ("WEBP", (560, 280))
    outputs.discard_pictures(job)
    assert not files_of(media)


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
    assert files_of(media) == {f"{job.public_id}-1.png"}
    assert "without a thumbnail" in caplog.text
    assert "No space left" in caplog.text
    assert caplog.records[-1].job == str(job.public_id)


@pytest.mark.parametrize("png", [b"no picture", factories.png()[:60]])
def test_thumbnail_that_cannot_be_made_is_done_without(media, caplog, png: bytes) -> None:
    job, claim = factories.running_job()
    assert outputs.publish(claim, dataclasses.replace(PICTURE, file=png))
    job.refresh_from_db()
    assert (media / job.output.name).read_bytes() == png
    assert "without a thumbnail" in caplog.text


@pytest.mark.parametrize("file_format", [WEBP, JPEG])
def test_thumbnail_is_another_file_than_its_picture(media, file_format) -> None:
    job, claim = factories.running_job(output_format=file_format.name)
    picture = factories.picture(file_format, 1120, 560)
    outputs.publish(claim, picture)
    job.refresh_from_db()
    assert (media / job.output.name).read_bytes() == picture.file
    with Image.open(media / outputs.thumbnail_name(job.output.name)) as image:
        assert (image.format, image.size) == ("WEBP", (560, 280))
    outputs.discard_pictures(job)
    assert not files_of(media)


def test_picture_of_16_bits_has_a_thumbnail_in_its_colours() -> None:
    with Image.open(io.BytesIO(outputs.make_thumbnail(hostile.rgb16()))) as image:
        assert (image.format, image.mode, image.size) == ("WEBP", "RGB", (32, 32))
        near = zip(image.getpixel((9, 9)), (0x40, 0x80, 0xC0), strict=True)
        assert all(abs(shown - given) < 8 for shown, given in near)
