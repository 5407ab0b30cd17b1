"""One shape for every error: problem+json (RFC 9457) with a stable `code`."""

import logging
import sys
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from rest_framework import exceptions

from generation.api import outages
from generation.jobs import outage
from generation.jobs.queue import QueueFull, UserQueueFull
from generation.jobs.services import JobNotCancellable, JobNotDeletable, JobNotRetryable
from generation.spec.errors import FAILURES, FieldError, InvalidRequest, ModelUnavailable

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


class BodyTooLarge(exceptions.APIException):
    """The request's body is over its limit."""

    status_code = 413
    default_code = "body_too_large"

    def __init__(self, maximum: int) -> None:
        super().__init__(_("The body is larger than %(maximum)d bytes.") % {"maximum": maximum})


class NoPicture(exceptions.APIException):
    """One's own job has no picture: not yet, or not any more to be expected."""

    status_code = 409
    default_code = "no_picture"
    default_detail = gettext_lazy("This job has no picture (yet); its status tells why.")


class NoPreview(exceptions.APIException):
    """One's own job has no preview: it does not run, or has not taken a step."""

    status_code = 409
    default_code = "no_preview"
    default_detail = gettext_lazy("This job has no preview now; only running ones have.")


class PictureHidden(exceptions.APIException):
    """An operator has hidden the picture from its owner."""

    status_code = 403
    default_code = "picture_hidden"
    default_detail = gettext_lazy("An operator has hidden this picture.")


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> JsonResponse:
    """An answer in the one shape: type, title, status, code, detail and what else is known."""
    body = {
        "type": "about:blank",
        "title": HttpResponse(status=status).reason_phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }
    return JsonResponse(
        body,
        status=status,
        content_type=CONTENT_TYPE,
        headers=headers,
        json_dumps_params={"ensure_ascii": False},
    )


def answer_exception(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's exception handler. None: unexpected, Django logs it and answers 500."""
    match error:
        case InvalidRequest():
            return invalid_request(error)
        case QueueFull():
            return queue_full(error)
        case JobNotCancellable() | JobNotRetryable() | JobNotDeletable():
            return problem(409, error.code, _(error.template))
        case ModelUnavailable():
            logger.error("%s", error)
            return problem(503, error.code, _(FAILURES[error.code]))
        case Http404():
            return not_found()
        case PermissionDenied() | exceptions.PermissionDenied():
            return problem(403, "forbidden", _("This is not allowed."))
        case RequestDataTooBig():
            return problem(413, "body_too_large", _("The body is too large."))
        case exceptions.APIException():
            return api_exception(error)
    return _answer_database(error)


def _answer_database(error: Exception) -> HttpResponse | None:
    """503 while it is away, 400 for a value that it cannot hold, as a NUL; None for all else."""
    if isinstance(error, outage.GONE):
        return database_gone(error)
    return bad_request(None, error) if isinstance(error, DataError) else None


def api_exception(error: exceptions.APIException) -> JsonResponse:
    """What DRF itself or one of our classes raises."""
    auth_header = getattr(error, "auth_header", None)
    headers = {"WWW-Authenticate": auth_header} if auth_header else {}
    return problem(error.status_code, error.get_codes(), str(error.detail), headers=headers)


def invalid_request(error: InvalidRequest) -> JsonResponse:
    """400 with one entry a field."""
    errors = [
        {
            "field": field.field,
            "value": field.value,
            "detail": _sentence(field),
            **({} if error.in_query else {"pointer": _pointer(field.field)}),
        }
        for field in error.errors
    ]
    detail = " ".join(str(entry["detail"]) for entry in errors)
    return problem(400, "invalid_request", detail, errors=errors)


def queue_full(error: QueueFull) -> JsonResponse:
    """503 with Retry-After: nothing is wrong with the request, there is no room for it now."""
    return problem(503, error.code, queue_full_sentence(error), headers=_retry_after())


def queue_full_sentence(error: QueueFull, *, is_own: bool = True) -> str:
    """is_own: the reader's own job found no room; else an operator asked for another's."""
    if not isinstance(error, UserQueueFull):
        sentence = ngettext(
            "The queue is full: %(limit)d job is waiting.",
            "The queue is full: %(limit)d jobs are waiting.",
            error.limit,
        )
    elif is_own:
        sentence = ngettext(
            "%(limit)d of your jobs is waiting, which is your share of the queue.",
            "%(limit)d of your jobs are waiting, which is your share of the queue.",
            error.limit,
        )
    else:
        sentence = ngettext(
            "%(limit)d job of its owner is waiting, which is one user's share.",
            "%(limit)d jobs of its owner are waiting, which is one user's share.",
            error.limit,
        )
    return sentence % {"limit": error.limit}


def database_gone(error: Exception | None = None) -> JsonResponse:
    """503: the database is away; the log tells why, the answer does not.

    error: how it was noticed; without one it is known already.
    """
    if error is not None:
        logger.error("the database is away: %s", error)
        outages.present.begin()
    detail = _("The service is not available for a moment. Try again soon.")
    return problem(503, "unavailable", detail, headers=_retry_after())


def not_found(request: HttpRequest | None = None, exception: object = None) -> JsonResponse:
    """404, the same for what does not exist and for what belongs to somebody else."""
    return problem(404, "not_found", _("There is nothing here for you at this address."))


def bad_request(request: HttpRequest | None, exception: object) -> JsonResponse:
    if isinstance(exception, DisallowedHost):
        detail = _("This host name is not served here. The operator sets it by IMAGEN_PUBLIC_URL.")
        return problem(400, "unknown_host", detail)
    return problem(400, "bad_request", _("The request could not be understood."))


def forbidden(request: HttpRequest, exception: object) -> JsonResponse:
    return problem(403, "forbidden", _("This is not allowed."))


def internal_error(request: HttpRequest) -> JsonResponse:
    """500, or 503 where the database went away outside of a view."""
    error = sys.exception()
    if isinstance(error, outage.GONE):
        return database_gone(error)
    detail = _("Something unexpected went wrong. The operator finds the reason in the log.")
    return problem(500, "internal_error", detail)


def _pointer(field: str) -> str:
    """Where the field stands in the body (RFC 6901, as a fragment); the body itself is "#"."""
    return "#" if field == "body" else "#/" + quote(field.replace("~", "~0").replace("/", "~1"))


def _sentence(error: FieldError) -> str:
    return _(error.template) % error.values


def _retry_after() -> dict[str, str]:
    return {"Retry-After": str(settings.IMAGEN_RETRY_AFTER)}
