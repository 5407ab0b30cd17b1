"""Probes for load balancers: no log-in, no details, any host name, plain HTTP."""

from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation import schema
from generation.api import outages


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all; touches nothing."""
    return JsonResponse({"status": "ok", "service": "imagen"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and knows every migration, else 503.

    The worker is left out on purpose: one slow GPU must not take every web server off the net.
    """
    try:
        is_ready = outages.present.is_over() and schema.is_current()
    except Error:
        outages.present.begin()
        is_ready = False
    body = {"status": "ready" if is_ready else "unavailable"}
    return JsonResponse(body, status=200 if is_ready else 503)


PROBES = {"/healthz": healthz, "/readyz": readyz}


class ProbeMiddleware:
    """Answers probes before anything asks for a host name, TLS or a session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return PROBES.get(request.path_info, self.get_response)(request)
