"""Rows and their constraints."""

from generation.models.access import ApiToken, Invitation
from generation.models.jobs import (
    FINAL_STATUSES,
    PROMPT_WORDS,
    GenerationJob,
    JobPreview,
    JobQuerySet,
    JobStatus,
    JobTransition,
)
from generation.models.references import ReferenceImage, UploadedReference
from generation.models.service import OwnerTurn, PaintingTime, Pause, Worker

__all__ = (
    "FINAL_STATUSES",
    "PROMPT_WORDS",
    "ApiToken",
    "GenerationJob",
    "Invitation",
    "JobPreview",
    "JobQuerySet",
    "JobStatus",
    "JobTransition",
    "OwnerTurn",
    "PaintingTime",
    "Pause",
    "ReferenceImage",
    "UploadedReference",
    "Worker",
)
