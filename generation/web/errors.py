"""What goes wrong outside of a view: a page for browsers, problem+json for programs."""

import sys
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from generation.api import errors as api
from generation.jobs import outage

HTML = "text/html"


def wants_page(request: HttpRequest | None) -> bool:
    """A browser asks for HTML by name; curl and programs do not."""
    return request is not None and HTML in request.headers.get("Accept", "")


def not_found(request: HttpRequest, exception: object = None) -> HttpResponse:
    """404, the same for what does not exist and for what belongs to somebody else."""
    if not wants_page(request):
        return api.not_found(request, exception)
    return HttpResponse(render_to_string("404.html", request=request), status=404)


def forbidden(request: HttpRequest, exception: object) -> HttpResponse:
    return _answer(
        request,
        lambda: api.forbidden(request, exception),
        _("This is not allowed"),
        _("Your account may not do this. Ask the person who runs this service."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was opened before the last sign-in, or cookies are switched off."""
    return _answer(
        request,
        lambda: api.forbidden(request, reason),
        _("This form has grown old"),
        _("Go back, reload the page and send it again. Cookies must be allowed for this site."),
    )


def bad_request(request: HttpRequest | None, exception: object) -> HttpResponse:
    return _answer(
        request,
        lambda: api.bad_request(request, exception),
        _("This was not understood"),
        _("The request could not be understood. Go back and try again."),
    )


def internal_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 where the database went away outside of a view."""
    error = sys.exception()
    if isinstance(error, outage.GONE):
        return unavailable(request, error)
    return _answer(
        request,
        lambda: api.internal_error(request),
        _("Something broke"),
        _("It is not your doing. The operator finds the reason in the log; try again in a moment."),
    )


def unavailable(request: HttpRequest, error: Exception | None = None) -> HttpResponse:
    """503 while the database is away; the log tells why, the page does not."""
    response = _answer(
        request,
        lambda: api.database_gone(error),
        _("Back in a moment"),
        _("The service is not available for a moment. What you sent before is safe."),
    )
    response["Retry-After"] = str(settings.IMAGEN_RETRY_AFTER)
    return response


def _answer(
    request: HttpRequest | None, problem: Callable[[], HttpResponse], title: str, words: str
) -> HttpResponse:
    """The program's answer, or its status on a page that needs neither session nor database."""
    answer = problem()
    if not wants_page(request):
        return answer
    context = {"status": answer.status_code, "title": title, "words": words}
    return HttpResponse(render_to_string("error.html", context), status=answer.status_code)
