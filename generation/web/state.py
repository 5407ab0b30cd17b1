"""How the service stands, for those who use it: figures without anybody's words."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation.jobs.state import service_state


@login_required
@require_safe
@never_cache
def show(request: HttpRequest) -> HttpResponse:
    return render(request, "generation/state.html", {"state": service_state()})
