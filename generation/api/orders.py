"""From a decoded body to a request: the same for every dialect that names our own fields."""

import dataclasses

from django.db.models import TextChoices

from generation import conf
from generation.jobs import references
from generation.spec.errors import FieldError, InvalidRequest, gettext_noop
from generation.spec.request import FIELDS, GenerationRequest, build_request, show_value


class Priority(TextChoices):
    """Whether somebody waits for the picture. It does not change it, so it is no field of it."""

    INTERACTIVE = "interactive"
    BATCH = "batch"  # lets everybody go first who waits for theirs


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A picture, and how urgent it is."""

    request: GenerationRequest
    priority: Priority

    @property
    def is_batch(self) -> bool:
        return self.priority == Priority.BATCH


def read_order(body: object) -> GenerationRequest:
    """Raises InvalidRequest with one error for every field that cannot be accepted."""
    return build_request(
        require_object(body),
        profiles=conf.profiles(),
        default_profile=conf.profile().name,
        limits=conf.limits(),
        find_reference=references.offered,
    )


def read_prioritised_order(body: object) -> Order:
    """The same for a body that may name a priority as well. Raises InvalidRequest."""
    fields = dict(require_object(body))
    given = fields.pop("priority", Priority.INTERACTIVE.value)
    errors = [] if given in Priority.values else [_refused_priority(given)]
    try:
        request = read_order(fields)
    except InvalidRequest as refused:
        raise InvalidRequest([*map(_knowing_priority, refused.errors), *errors]) from refused
    if errors:
        raise InvalidRequest(errors)
    return Order(request=request, priority=Priority(given))


def _refused_priority(given: object) -> FieldError:
    template = gettext_noop("%(field)s must be one of %(known)s, not %(value)s.")
    known = {"known": ", ".join(Priority.values)}
    return FieldError(field="priority", value=show_value(given), template=template, params=known)


def _knowing_priority(error: FieldError) -> FieldError:
    """The same; an unknown field's error lists this field among the known ones."""
    if error.field in FIELDS or "known" not in error.params:
        return error
    known = ", ".join((*FIELDS, "priority"))
    return dataclasses.replace(error, params={**error.params, "known": known})


def require_object(body: object) -> dict[str, object]:
    """The body, when it is a JSON object. Raises InvalidRequest when it is not."""
    if isinstance(body, dict):
        return body
    template = gettext_noop(
        '%(field)s must be a JSON object such as {"prompt": "a lighthouse at dusk"}, not %(value)s.'
    )
    raise InvalidRequest([FieldError(field="body", value=show_value(body), template=template)])
