"""Rows in every state, brought there by the transitions themselves."""

import io
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.utils import timezone
from PIL import Image

from generation.jobs import references, services, transitions
from generation.jobs.transitions import Claim, WorkerIdentity
from generation.models import GenerationJob, JobStatus, PaintingTime, Worker
from generation.spec.formats import PNG, FileFormat
from generation.spec.limits import Limits
from generation.spec.picture import Picture
from generation.spec.profiles import MINIATURE
from generation.spec.request import GenerationRequest, build_request

WORKER = WorkerIdentity(name="host/cpu", pid=4242)
PROFILES = ("miniature", "sdxl")
_numbers = itertools.count(1)


def png(width: int = 128, height: int = 128) -> bytes:
    """A small true picture."""
    return picture(PNG, width, height).file


def picture(file_format: FileFormat = PNG, width: int = 128, height: int = 128) -> Picture:
    """What a pipeline gives back; in true 16 bits nothing here can write it."""
    file = io.BytesIO()
    kind = file_format.content_type.removeprefix("image/")
    Image.new("RGB", (width, height), "teal").save(file, kind)
    return Picture(file=file.getvalue(), format=file_format, width=width, height=height)


def now() -> datetime:
    return timezone.now()


def make_user(name: str | None = None, **fields: object) -> User:
    return get_user_model().objects.create_user(name or f"user{next(_numbers)}", **fields)


def make_request(**fields: object) -> GenerationRequest:
    wanted = {"prompt": "a lighthouse at dusk", "seed": 7, **fields}
    return build_request(
        wanted,
        profiles={"miniature": MINIATURE},
        default_profile="miniature",
        limits=Limits(),
        find_reference=references.offered,
    )


def queued_job(owner: User | None = None, **fields: object) -> GenerationJob:
    return services.submit_job(make_request(**fields), owner_id=(owner or make_user()).pk)


def living_worker(name: str = "host/cpu") -> Worker:
    """A supervisor that has just given a sign."""
    return Worker.objects.create(
        name=name,
        host="host",
        device="cpu",
        profile="miniature",
        profiles=["miniature"],
        version="0",
    )


def claim(worker: WorkerIdentity = WORKER, timeout_s: int = 600) -> Claim:
    """Claim the job whose turn it is; by another worker where this one holds a job."""
    if GenerationJob.objects.filter(worker=worker.name, status=JobStatus.RUNNING).exists():
        worker = WorkerIdentity(name=f"{worker.name}-{next(_numbers)}", pid=worker.pid)
    claimed = transitions.claim_next(worker, timeout_s=timeout_s, profiles=PROFILES)
    assert claimed is not None
    return claimed


def running_job(owner: User | None = None, **fields: object) -> tuple[GenerationJob, Claim]:
    job = queued_job(owner, **fields)
    claimed = claim()
    assert claimed.job_id == job.pk, "an earlier job was still queued"
    job.refresh_from_db()
    return job, claimed


def measured(seconds: Sequence[float], **fields: object) -> PaintingTime:
    """So long did pictures take that are like those of make_request."""
    side = MINIATURE.default_side
    usual = {"profile": MINIATURE.name, "width": side, "height": side, "steps": 30}
    kind = usual | {"has_reference": False} | fields
    return PaintingTime.objects.create(**kind, seconds=list(seconds))


def paint_to(claim: Claim, step: int, *, seconds: float) -> None:
    """Report this step; the steps since the first one have taken so many seconds."""
    transitions.report_step(claim, step)
    ago = timedelta(seconds=seconds)
    GenerationJob.objects.filter(pk=claim.job_id).update(first_step_at=now() - ago)


def succeeded_job(
    owner: User | None = None, output: str = "outputs/a.png", **fields: object
) -> GenerationJob:
    job, claimed = running_job(owner, **fields)
    assert transitions.succeed(claimed, output)
    job.refresh_from_db()
    return job


def failed_job(
    owner: User | None = None, code: str = "internal_error", **fields: object
) -> GenerationJob:
    job, claimed = running_job(owner, **fields)
    assert transitions.fail(claimed, code, "why")
    job.refresh_from_db()
    return job


def cancelled_job(owner: User | None = None) -> GenerationJob:
    job = queued_job(owner)
    services.cancel_job(job)
    job.refresh_from_db()
    return job
