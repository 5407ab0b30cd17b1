"""Views that a button asks for: they act by POST alone."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

View = Callable[..., HttpResponse]


def by_button(page: str, *arguments: str) -> Callable[[View], View]:
    """By POST alone; whoever comes from a sign-in in between sees the page, to press again.

    page: the name of its address; arguments: those of the view that the address has too.
    """

    def wrap(act: View) -> View:
        @wraps(act)
        def answer(request: HttpRequest, **given: Any) -> HttpResponse:
            if request.method == "POST":
                return act(request, **given)
            return redirect(page, *(given[name] for name in arguments))

        return require_http_methods(["GET", "HEAD", "POST"])(answer)

    return wrap
