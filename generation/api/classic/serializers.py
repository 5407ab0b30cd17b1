"""The original service's JSON, made from a row."""

import logging

from django.utils.translation import gettext as _

from generation.jobs import outage, queue
from generation.models import GenerationJob, JobStatus
from generation.spec.errors import failure_sentence

logger = logging.getLogger(__name__)


def accepted(job: GenerationJob) -> dict[str, object]:
    """What POST /generate answers. It names no place where the database went away meanwhile."""
    try:
        place = {"position": queue.position(job)}
        message = _("Job queued. Estimated position: %(position)d") % place
    except outage.GONE as error:
        logger.error("job %s is accepted, its place cannot be read: %s", job.public_id, error)
        message = _("Job queued.")
    return {"job_id": str(job.public_id), "status": "queued", "message": message}


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
