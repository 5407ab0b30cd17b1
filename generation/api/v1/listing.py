"""Pages of a list: the newest first, and on from the last one that was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from generation.models import GenerationJob, JobStatus
from generation.spec.errors import FieldError, InvalidRequest, gettext_noop
from generation.spec.request import show_value

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
PARAMETERS = (
    OpenApiParameter("status", str, enum=JobStatus.values, description="only jobs of this status"),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        description="how many at most",
    ),
    OpenApiParameter(
        "before",
        {"type": "string", "format": "uuid"},
        description="only jobs older than this one of one's own; `next` names it",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """older: the parameters that ask for the next page; empty where there is none."""

    jobs: Sequence[GenerationJob]
    older: Mapping[str, str | int]


def read_page(parameters: QueryDict, own: QuerySet[GenerationJob]) -> Page:
    """A page of one's own jobs. Raises InvalidRequest for a parameter that makes no sense."""
    _refuse_unknown(parameters)
    _refuse_twins(parameters)
    jobs = own
    wanted: dict[str, str | int] = {}
    limit = _read_limit(parameters)
    if "limit" in parameters:
        wanted["limit"] = limit
    if "status" in parameters:
        wanted["status"] = _read_status(parameters["status"])
        jobs = jobs.filter(status=wanted["status"])
    if "before" in parameters:
        jobs = jobs.filter(pk__lt=_find_before(parameters["before"], own))
    found = list(jobs.order_by("-pk")[: limit + 1])
    shown = found[:limit]
    older = wanted | {"before": str(shown[-1].public_id)} if len(found) > limit else {}
    return Page(jobs=shown, older=older)


def _read_limit(parameters: Mapping[str, str]) -> int:
    given = parameters.get("limit", str(DEFAULT_LIMIT))
    if given.isascii() and given.isdigit() and len(given) < 4 and 1 <= int(given) <= MAX_LIMIT:
        return int(given)
    template = gettext_noop(
        "%(field)s must be a whole number from %(low)d to %(high)d, not %(value)s."
    )
    raise _refused("limit", given, template, low=1, high=MAX_LIMIT)


def _read_status(given: str) -> str:
    if given in JobStatus.values:
        return given
    template = gettext_noop("%(field)s must be one of %(known)s, not %(value)s.")
    raise _refused("status", given, template, known=", ".join(JobStatus.values))


def _find_before(given: str, own: QuerySet[GenerationJob]) -> int:
    template = gettext_noop("%(field)s must be the id of a job of yours, not %(value)s.")
    try:
        place = own.filter(public_id=UUID(given)).values_list("pk", flat=True).first()
    except ValueError:
        place = None
    if place is None:
        raise _refused("before", given, template)
    return place


def _refuse_unknown(parameters: Mapping[str, str]) -> None:
    known = [parameter.name for parameter in PARAMETERS]
    for name in parameters:
        if name not in known:
            template = gettext_noop(
                "%(field)s is no parameter of this address (its value was %(value)s); known are: "
                "%(known)s."
            )
            shown = show_value(name)[1:-1]
            raise _refused(shown, parameters[name], template, known=", ".join(known))


def _refuse_twins(parameters: QueryDict) -> None:
    """Of two values for one name, readers differ on which counts."""
    for name, values in parameters.lists():
        if len(values) > 1:
            template = gettext_noop("%(field)s is given more than once: %(value)s.")
            raise _refused(name, ", ".join(values), template)


def _refused(field: str, given: str, template: str, **params: object) -> InvalidRequest:
    error = FieldError(field=field, value=show_value(given), template=template, params=params)
    return InvalidRequest([error], in_query=True)
