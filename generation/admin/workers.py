"""Workers, and the page that shows them with the queue."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from generation.admin.read_only import ReadOnlyAdmin
from generation.jobs.state import service_state
from generation.models import Worker


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("title", "machine", "profile_name", "release", "started", "seen", "error_time")
    fields = (
        "title",
        "machine",
        "equipment",
        "profile_name",
        "release",
        "started",
        "seen",
        "stopped",
        "error",
        "error_time",
    )

    @admin.display(description=_("name"), ordering="name")
    def title(self, worker: Worker) -> str:
        return worker.name

    @admin.display(description=_("host"), ordering="host")
    def machine(self, worker: Worker) -> str:
        return worker.host

    @admin.display(description=_("device"))
    def equipment(self, worker: Worker) -> str:
        return worker.device

    @admin.display(description=_("profile"))
    def profile_name(self, worker: Worker) -> str:
        return worker.profile

    @admin.display(description=_("version"))
    def release(self, worker: Worker) -> str:
        return worker.version

    @admin.display(description=_("started"), ordering="started_at")
    def started(self, worker: Worker) -> object:
        return worker.started_at

    @admin.display(description=_("last seen"), ordering="seen_at")
    def seen(self, worker: Worker) -> object:
        return worker.seen_at

    @admin.display(description=_("stopped"))
    def stopped(self, worker: Worker) -> object:
        return worker.stopped_at

    @admin.display(description=_("last error"))
    def error(self, worker: Worker) -> str:
        return worker.last_error

    @admin.display(description=_("last error at"), ordering="last_error_at")
    def error_time(self, worker: Worker) -> object:
        return worker.last_error_at


def show_queue(request: HttpRequest) -> TemplateResponse:
    """Workers and queue at this moment."""
    if not request.user.has_perm("generation.view_generationjob"):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": _("Workers and queue"),
        "state": service_state(),
    }
    return TemplateResponse(request, "admin/queue.html", context)


def _add_page() -> None:
    """Serve it at /admin/queue/, beside the site's own pages."""
    site_urls = admin.site.get_urls
    page: URLPattern = path("queue/", admin.site.admin_view(show_queue), name="queue")
    admin.site.get_urls = lambda: [page, *site_urls()]


_add_page()
