"""Around every request: the database's connection, and what it says when it cannot serve."""

from collections.abc import Callable

from django.db import DataError, connections
from django.http import HttpRequest, HttpResponse

from generation.api import outages
from generation.jobs import outage
from generation.web import errors


def give_connections_back() -> None:
    """Leave the pool's connections to others for a while; the next query takes one again.

    For what takes long without the database: sixteen that wait with a connection stop the site.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"


class PermissionsMiddleware:
    """Tells browsers what no page of this site will ever ask for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Permissions-Policy", PERMISSIONS)
        return response


class DatabaseMiddleware:
    """Gives the connection back before the answer is sent, and answers for what the database says.

    Without the first, sixteen clients that read slowly would hold the whole pool.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        give_connections_back()
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        """Spare the request a long wait while the database is known to be away."""
        return None if outages.present.is_over() else errors.unavailable(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, outage.GONE):
            return errors.unavailable(request, error)
        return errors.bad_request(request, error) if isinstance(error, DataError) else None
