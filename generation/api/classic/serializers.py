"""The original service's JSON, made from a row."""

from django.utils.translation import gettext as _

from generation.jobs import queue
from generation.models import GenerationJob, JobStatus
from generation.spec.errors import failure_sentence


def accepted(job: GenerationJob) -> dict[str, object]:
    """What POST /generate answers."""
    message = _("Job queued. Estimated position: %(position)d")
    return {
        "job_id": str(job.public_id),
        "status": "queued",
        "message": message % {"position": queue.position(job)},
    }


def status(job: GenerationJob) -> dict[str, object]:
    """What GET /status/{job_id} answers, with Celery's names for the states."""
    body: dict[str, object] = {"job_id": str(job.public_id)}
    match job.status:
        case JobStatus.QUEUED:
            return body | {"status": "PENDING", "position": queue.position(job)}
        case JobStatus.RUNNING:
            meta = {"current": job.step, "total": job.steps, "percent": job.percent}
            return body | {"status": "PROGRESS", "meta": meta}
        case JobStatus.SUCCEEDED:
            return body | {"status": "SUCCESS", "result": _result(job)}
        case JobStatus.CANCELLED:
            return body | {"status": "REVOKED"}
    return body | {
        "status": "FAILURE",
        "error": _(failure_sentence(job.error_code)),
        "error_code": job.error_code,
    }


def _result(job: GenerationJob) -> dict[str, str]:
    return {
        "status": "success",
        "filename": job.public_filename,
        "path": f"outputs/{job.public_filename}",
        "url": f"/outputs/{job.public_filename}",
    }
