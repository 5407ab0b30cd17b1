"""The native API's JSON, made from rows; the classes also describe it in the OpenAPI document."""

import logging
from collections.abc import Mapping, Sequence

from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers

from generation import conf
from generation.api.hints import Advice, Adviser
from generation.api.orders import Priority
from generation.jobs import outage
from generation.jobs.estimates import Estimate, Forecast, Outlook, outlook
from generation.models import GenerationJob, JobStatus
from generation.prompts import PromptReading
from generation.spec.adjustments import ADJUSTMENTS, known_adjustments
from generation.spec.errors import FAILURES, failure_sentence
from generation.spec.formats import FORMATS
from generation.spec.hints import CODES
from generation.spec.limits import MAX_SEED, SIZE_MULTIPLE
from generation.spec.profiles import ModelProfile

logger = logging.getLogger(__name__)


class JobErrorSerializer(serializers.Serializer):
    """Why a job failed."""

    code = serializers.ChoiceField(choices=sorted(FAILURES))
    detail = serializers.CharField(help_text="for people, in their language")


class AdjustmentSerializer(serializers.Serializer):
    """What little graphics memory had changed on the way to the picture."""

    code = serializers.ChoiceField(choices=sorted(ADJUSTMENTS))
    detail = serializers.CharField(help_text="for people, in their language")


class EstimateSerializer(serializers.Serializer):
    """Seconds from now until the picture can be fetched, reckoned from measured durations.

    As the queue stands now: who comes later may still go first.
    """

    p50 = serializers.FloatField(min_value=0, help_text="as many pictures are sooner as later")
    p90 = serializers.FloatField(min_value=0, help_text="nine of ten are sooner")


class HintSerializer(serializers.Serializer):
    """Why the picture may not show what its prompt says. It is painted all the same."""

    code = serializers.ChoiceField(choices=CODES)
    detail = serializers.CharField(help_text="for people, in their language")
    words = serializers.ListField(
        child=serializers.CharField(), help_text="some that the profile does not know"
    )


HINTS = "for a profile that knows only its own world; else empty"
FILE_FORMATS = "of the picture's file: png loses nothing of 8 bits a colour, png16 of 16"
PAUSE_REASON = "the operator's, while the queue is paused; else null"


class JobSerializer(serializers.Serializer):
    """One picture that somebody asked for."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=JobStatus.values)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    prompt = serializers.CharField()
    negative_prompt = serializers.CharField(allow_blank=True)
    width = serializers.IntegerField(help_text="pixels")
    height = serializers.IntegerField(help_text="pixels")
    steps = serializers.IntegerField()
    guidance_scale = serializers.FloatField()
    seed = serializers.IntegerField()
    ip_strength = serializers.FloatField()
    profile = serializers.CharField()
    output_format = serializers.ChoiceField(choices=list(FORMATS), help_text=FILE_FORMATS)
    step = serializers.IntegerField(help_text="steps that are done, of `steps`")
    percent = serializers.IntegerField(min_value=0, max_value=100)
    position = serializers.IntegerField(
        allow_null=True, min_value=1, help_text="in the order of service; null unless queued"
    )
    priority = serializers.ChoiceField(choices=Priority.values)
    estimate = EstimateSerializer(
        allow_null=True, help_text="null unless queued or running, and where it cannot be known"
    )
    pause_reason = serializers.CharField(
        allow_null=True, help_text=f"{PAUSE_REASON}, and null unless queued"
    )
    attempt = serializers.IntegerField(help_text="how often a worker has begun it")
    cancel_requested = serializers.BooleanField()
    error = JobErrorSerializer(allow_null=True, help_text="null unless failed")
    adjustments = AdjustmentSerializer(many=True, help_text="else empty")
    retry_of = serializers.UUIDField(allow_null=True)
    retried_as = serializers.UUIDField(allow_null=True)
    hidden = serializers.BooleanField(help_text="an operator keeps the picture from its owner")
    filename = serializers.CharField(allow_null=True, help_text="null unless succeeded")
    image_url = serializers.CharField(allow_null=True, help_text="null unless succeeded")
    preview_url = serializers.CharField(allow_null=True, help_text="null unless running")
    hints = HintSerializer(many=True, help_text=HINTS)


class JobListSerializer(serializers.Serializer):
    """Some of one's jobs, newest first."""

    jobs = JobSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="the address of older ones")


class ForecastSerializer(serializers.Serializer):
    """What would await a job that is submitted now."""

    position = serializers.IntegerField(min_value=1, help_text="in the order of service")
    estimate = EstimateSerializer(
        allow_null=True,
        help_text="null while the queue is paused, without a worker, and while nothing is measured",
    )
    pause_reason = serializers.CharField(allow_null=True, help_text=PAUSE_REASON)
    has_worker = serializers.BooleanField(help_text="somebody is there who can paint it")


class BoundsSerializer(serializers.Serializer):
    """What a field accepts."""

    minimum = serializers.FloatField()
    maximum = serializers.FloatField()
    default = serializers.FloatField(allow_null=True, help_text="null: drawn for each job")
    multiple_of = serializers.IntegerField(allow_null=True)


class ProfileSerializer(serializers.Serializer):
    """A model that can be asked for."""

    name = serializers.CharField()
    title = serializers.CharField()
    is_default = serializers.BooleanField()
    is_installed = serializers.BooleanField()
    install_command = serializers.CharField(allow_null=True)
    licence = serializers.CharField(
        allow_null=True, help_text="what it forbids that SDXL's does not; else null"
    )
    sampler = serializers.CharField(help_text="as a picture's file names it")
    has_adapter = serializers.BooleanField(help_text="a reference picture can be followed")
    max_prompt_chars = serializers.IntegerField()
    fields = serializers.DictField(child=BoundsSerializer())  # type: ignore[assignment]  # DRF moves it


class ProfileListSerializer(serializers.Serializer):
    """Every profile of this server."""

    profiles = ProfileSerializer(many=True)


class FragmentSerializer(serializers.Serializer):
    """Consecutive words of one weight."""

    text = serializers.CharField()
    weight = serializers.FloatField()


class PromptReadingSerializer(serializers.Serializer):
    """How a prompt is read."""

    tokens = serializers.IntegerField()
    chunks = serializers.IntegerField(help_text="of 77 tokens each")
    fragments = FragmentSerializer(many=True)
    hints = HintSerializer(many=True, help_text=HINTS)


class FieldProblemSerializer(serializers.Serializer):
    """What is wrong with one field."""

    field = serializers.CharField()
    value = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField(required=False, help_text="into the body (RFC 6901)")


class ProblemSerializer(serializers.Serializer):
    """Every error, as RFC 9457 has it."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="stable, for programs")
    detail = serializers.CharField(help_text="for people, in their language")
    errors = FieldProblemSerializer(many=True, required=False)


def jobs(rows: Sequence[GenerationJob], adviser: Adviser) -> list[Mapping[str, object]]:
    """These rows as JSON, with at most four queries for what awaits them."""
    ahead = outlook(rows)
    return [_job(row, ahead, adviser, getattr(row, "retried_as", None)) for row in rows]


def job(row: GenerationJob, adviser: Adviser) -> Mapping[str, object]:
    """One row as JSON."""
    return jobs([row], adviser)[0]


def accepted(row: GenerationJob, adviser: Adviser) -> Mapping[str, object]:
    """A new row as JSON. It stands, so what awaits it is null where the database went away since.

    An error instead would have its owner send it again, for a second picture.
    """
    try:
        ahead = outlook([row])
    except outage.GONE as error:
        logger.warning("accepted without its place: the database is away: %s", error)
        ahead = Outlook()
    return _job(row, ahead, adviser, None)


def _job(
    row: GenerationJob, ahead: Outlook, adviser: Adviser, successor: GenerationJob | None
) -> Mapping[str, object]:
    is_done = row.status == JobStatus.SUCCEEDED
    is_queued, is_running = row.status == JobStatus.QUEUED, row.status == JobStatus.RUNNING
    return {
        "id": str(row.public_id),
        "status": row.status,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        **{name: getattr(row, name) for name in REQUEST_FIELDS},
        "step": row.step,
        "percent": row.percent,
        "position": ahead.places.get(row.pk),
        "priority": (Priority.BATCH if row.is_batch else Priority.INTERACTIVE).value,
        "estimate": _estimate(ahead.estimates.get(row.pk)),
        "pause_reason": ahead.pause_reason if is_queued else None,
        "attempt": row.attempt,
        "cancel_requested": row.cancel_requested,
        "error": _error(row),
        "adjustments": _adjustments(row),
        "retry_of": str(row.retry_of.public_id) if row.retry_of else None,
        "retried_as": str(successor.public_id) if successor else None,
        "hidden": row.hidden_at is not None,
        "filename": row.public_filename if is_done else None,
        "image_url": reverse("v1-image", args=[row.public_id]) if is_done else None,
        "preview_url": reverse("v1-preview", args=[row.public_id]) if is_running else None,
        "hints": _hints(adviser.advise(row.profile, row.prompt)),
    }


REQUEST_FIELDS = (
    "prompt",
    "negative_prompt",
    "width",
    "height",
    "steps",
    "guidance_scale",
    "seed",
    "ip_strength",
    "profile",
    "output_format",
)


def forecast(told: Forecast) -> dict[str, object]:
    """What would await an order, as JSON."""
    return {
        "position": told.position,
        "estimate": _estimate(told.estimate),
        "pause_reason": told.pause_reason,
        "has_worker": told.has_worker,
    }


def _estimate(told: Estimate | None) -> dict[str, float] | None:
    return {"p50": round(told.p50_s, 1), "p90": round(told.p90_s, 1)} if told else None


def _hints(advice: Advice | None) -> list[dict[str, object]]:
    """A list, since there may be other kinds one day."""
    if advice is None:
        return []
    return [{"code": advice.code, "detail": advice.detail, "words": list(advice.words)}]


def _adjustments(row: GenerationJob) -> list[dict[str, str]]:
    codes = known_adjustments(row.adjustments)
    return [{"code": code, "detail": _(ADJUSTMENTS[code])} for code in codes]


def _error(row: GenerationJob) -> dict[str, str] | None:
    if row.status != JobStatus.FAILED:
        return None
    return {"code": row.error_code, "detail": _(failure_sentence(row.error_code))}


def profile(model: ModelProfile) -> dict[str, object]:
    """A profile with its bounds and defaults as JSON."""
    limits = conf.limits()
    steps, guidance = model.steps(limits), model.guidance_scale(limits)
    side = _bounds(model.min_side, model.max_side, model.default_side, SIZE_MULTIPLE)
    return {
        "name": model.name,
        "title": model.title,
        "is_default": model.name == conf.profile().name,
        "is_installed": model.is_installed,
        "install_command": model.install_command or None,
        "licence": _(model.licence) if model.licence else None,
        "sampler": str(model.sampler),
        "has_adapter": model.has_adapter,
        "max_prompt_chars": limits.max_prompt_chars,
        "fields": {
            "width": side,
            "height": side,
            "steps": _bounds(steps.minimum, steps.maximum, steps.default, 1),
            "guidance_scale": _bounds(guidance.minimum, guidance.maximum, guidance.default),
            "seed": _bounds(0, MAX_SEED, None, 1),
            "ip_strength": _bounds(0, 1 if model.has_adapter else 0, 0),
        },
    }


def _bounds(
    minimum: float, maximum: float, default: float | None, multiple_of: int | None = None
) -> dict[str, float | None]:
    return {
        "minimum": minimum,
        "maximum": maximum,
        "default": default,
        "multiple_of": multiple_of,
    }


def prompt_reading(reading: PromptReading, advice: Advice | None) -> dict[str, object]:
    """How a prompt is read, as JSON."""
    return {
        "tokens": reading.tokens,
        "chunks": reading.chunks,
        "fragments": [
            {"text": fragment.text, "weight": fragment.weight} for fragment in reading.fragments
        ],
        "hints": _hints(advice),
    }
