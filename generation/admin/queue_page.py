"""Workers and queue at this moment, and the buttons that pause, drain and resume."""

from collections.abc import Callable, Iterable

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import ExpressionWrapper, F, Model, fields
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from generation.jobs import controls
from generation.jobs.state import WorkerState, service_state
from generation.models import Pause, Worker
from generation.web.buttons import by_button

SHOWN_PAUSES = 10
AWAKE = (WorkerState.PAINTING, WorkerState.LOADING, WorkerState.IDLE, WorkerState.PAUSED)
"""Told to drain, such a worker would hear it."""


class ControlForm(forms.Form):
    """worker: by name; empty: the whole queue. The service judges the reason."""

    worker = forms.CharField(required=False, max_length=200, strip=False)
    reason = forms.CharField(required=False)


@require_safe
def show(request: HttpRequest) -> TemplateResponse:
    if not request.user.has_perm("generation.view_generationjob"):
        raise PermissionDenied
    state = service_state()
    context = {
        **admin.site.each_context(request),
        "title": _("Workers and queue"),
        "state": state,
        "awake": AWAKE,
        "pauses": _last_pauses(),
        "may_control": _may_control(request),
        "max_reason_chars": controls.MAX_REASON_CHARS,
    }
    return TemplateResponse(request, "admin/queue.html", context)


@by_button("admin:queue")
def pause(request: HttpRequest) -> HttpResponse:
    """The whole queue, or the worker that the form names."""
    form = _read(request)
    worker, reason = form["worker"], form["reason"]
    return _do(
        request,
        lambda: controls.pause(reason, worker=worker, actor_id=request.user.pk),
        worker,
        _("Paused: %(reason)s") % {"reason": reason},
    )


@by_button("admin:queue")
def resume(request: HttpRequest) -> HttpResponse:
    worker = _read(request)["worker"]
    return _do(
        request,
        lambda: controls.resume(worker=worker, actor_id=request.user.pk),
        worker,
        _("Resumed."),
    )


@by_button("admin:queue")
def drain(request: HttpRequest) -> HttpResponse:
    worker = _read(request)["worker"]
    done = _("Draining: it finishes its job, takes no more and frees its device.")
    return _do(request, lambda: controls.drain(worker), worker, done)


def _do(
    request: HttpRequest, act: Callable[[], object], worker: str, done: str | Promise
) -> HttpResponse:
    """Act, tell what came of it, and show the page again. The admin's log keeps what was done."""
    try:
        act()
    except controls.ControlRefused as refused:
        messages.warning(request, _told(worker, gettext(refused.template) % refused.params))
    else:
        subjects = Worker.objects.filter(pk=worker) if worker else Pause.objects.filter(worker="")
        _log(request, subjects[:1], str(done))
        messages.success(request, _told(worker, done))
    return redirect("admin:queue")


def _told(worker: str, what: str | Promise) -> str | Promise:
    """With the worker's name, which must not come first: the admin would give it a capital."""
    if not worker:
        return what
    return gettext("Worker %(worker)s \N{EN DASH} %(what)s") % {"worker": worker, "what": what}


def _log(request: HttpRequest, subjects: Iterable[Model], words: str) -> None:
    for subject in subjects:
        LogEntry.objects.log_actions(request.user.pk, [subject], CHANGE, words, single_object=True)


def _read(request: HttpRequest) -> dict[str, str]:
    """What the pressed button's form says, for somebody who may press it."""
    if not _may_control(request):
        raise PermissionDenied
    form = ControlForm(request.POST)
    if not form.is_valid():
        raise BadRequest("no such worker can be, or a reason that cannot be kept")
    return form.cleaned_data


def _may_control(request: HttpRequest) -> bool:
    """Whoever acts must be able to see what came of it."""
    return request.user.has_perms(["generation.view_generationjob", "generation.change_worker"])


def _last_pauses() -> Iterable[Pause]:
    """With `lasted`, up to now where one is in force."""
    end = Coalesce("ended_at", Now())
    lasted = ExpressionWrapper(end - F("began_at"), output_field=fields.DurationField())
    pauses = Pause.objects.select_related("began_by", "ended_by").annotate(lasted=lasted)
    return pauses[:SHOWN_PAUSES]


def _add_pages() -> None:
    """Serve them at /admin/queue/, beside the site's own pages."""
    site_urls = admin.site.get_urls
    view = admin.site.admin_view
    pages: list[URLPattern] = [
        path("queue/", view(show), name="queue"),
        path("queue/pause/", view(pause), name="queue-pause"),
        path("queue/resume/", view(resume), name="queue-resume"),
        path("queue/drain/", view(drain), name="queue-drain"),
    ]
    admin.site.get_urls = lambda: [*pages, *site_urls()]


_add_pages()
