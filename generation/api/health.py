"""Probes for load balancers: no log-in, no details."""

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all; touches nothing."""
    return JsonResponse({"status": "ok", "service": "imagen"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and knows every migration, else 503.

    The worker is left out on purpose: one slow GPU must not take every web server off the net.
    """
    try:
        executor = MigrationExecutor(connection)
        is_ready = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        is_ready = False
    return JsonResponse(
        {"status": "ready" if is_ready else "unavailable"}, status=200 if is_ready else 503
    )
