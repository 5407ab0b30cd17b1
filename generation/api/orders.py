"""From a decoded body to a request: the same for every dialect that names our own fields."""

from generation import conf
from generation.jobs import references
from generation.spec.errors import FieldError, InvalidRequest, gettext_noop
from generation.spec.request import GenerationRequest, build_request, show_value


def read_order(body: object) -> GenerationRequest:
    """Raises InvalidRequest with one error for every field that cannot be accepted."""
    return build_request(
        require_object(body),
        profiles=conf.profiles(),
        default_profile=conf.profile().name,
        limits=conf.limits(),
        find_reference=references.offered,
    )


def require_object(body: object) -> dict[str, object]:
    """The body, when it is a JSON object. Raises InvalidRequest when it is not."""
    if isinstance(body, dict):
        return body
    template = gettext_noop(
        '%(field)s must be a JSON object such as {"prompt": "a lighthouse at dusk"}, not %(value)s.'
    )
    raise InvalidRequest([FieldError(field="body", value=show_value(body), template=template)])
