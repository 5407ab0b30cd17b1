"""Jobs: what was asked for, what became of it, and the few things that can be done to it."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from generation.admin import finding
from generation.admin.acts import (
    ACTS,
    DELETE,
    REFUSALS,
    Act,
    NoteForm,
    count_done,
    is_painted,
    sentence,
    short_id,
)
from generation.admin.columns import JobColumns
from generation.admin.read_only import ReadOnlyAdmin
from generation.api.files import stream_picture, stream_thumbnail
from generation.models import GenerationJob
from generation.web.buttons import by_button
from generation.web.moves import moves_for_operators


@admin.register(GenerationJob)
class GenerationJobAdmin(JobColumns, ReadOnlyAdmin):
    list_display = (
        "thumbnail",
        "name",
        "whose",
        "state",
        "marks",
        "words",
        "attempts",
        "progress",
        "submitted",
        "ended",
    )
    list_display_links = ("thumbnail", "name")
    list_filter = (
        finding.StatusFilter,
        finding.ReviewedFilter,
        finding.HiddenFilter,
        ("created_at", finding.CreatedFilter),
        finding.ProfileFilter,
    )
    list_select_related = ("owner",)
    list_per_page = 50
    sortable_by = ("name",)
    paginator = finding.BoundedPaginator
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("prompt",)
    search_help_text = _(
        "Words of the prompt (“exact words”, -without, one or other), an id, or an owner's name"
    )
    actions = (
        "cancel_jobs",
        "retry_jobs",
        "hide_jobs",
        "show_jobs",
        "review_jobs",
        "delete_jobs",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[GenerationJob], search_term: str
    ) -> tuple[QuerySet[GenerationJob], bool]:
        words = search_term.strip()
        try:
            return (finding.search(queryset, words) if words else queryset), False
        except finding.TooBroad:
            why = gettext("A search needs a word that must be there, not only -without.")
            self.message_user(request, why, messages.WARNING)
            return queryset.none(), False

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: object,
        obj: GenerationJob | None = None,
        **kwargs: object,
    ) -> HttpResponse:
        """With the picture, the buttons and the job's log."""
        context |= {
            "title": gettext("Job %(job)s") % {"job": short_id(obj)},
            "subtitle": Truncator(obj.prompt).chars(80),
            "job": obj,
            "is_painted": is_painted(obj),
            "acts": self._acts_for(request, obj),
            "note_form": NoteForm(),
            "moves": moves_for_operators(obj),
        }
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def _acts_for(self, request: HttpRequest, job: GenerationJob) -> list[tuple[str, Act]]:
        if not self.has_operate_permission(request):
            return []
        return [(name, act) for name, act in ACTS.items() if act.fits(job)]

    # Pictures, and one job's buttons

    def get_urls(self) -> list[URLPattern]:
        views = {
            "thumbnail": self.show_thumbnail,
            "picture": self.show_picture,
            "act": self.act,
        }
        return [
            path(
                f"<int:job_id>/{name}/",
                self.admin_site.admin_view(view, cacheable=name != "act"),
                name=f"generation_generationjob_{name}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    @method_decorator(require_safe)
    def show_thumbnail(self, request: HttpRequest, job_id: int) -> HttpResponseBase:
        return stream_thumbnail(self._painted_job(request, job_id), request)

    @method_decorator(require_safe)
    def show_picture(self, request: HttpRequest, job_id: int) -> HttpResponseBase:
        return stream_picture(self._painted_job(request, job_id), request, is_attachment=False)

    @method_decorator(by_button("admin:generation_generationjob_change", "job_id"))
    def act(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Do what the pressed button says, and show the job again."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        job = self._job(request, job_id)
        act = ACTS.get(request.POST.get("act", ""))
        form = NoteForm(request.POST)
        if act is None or not form.is_valid():
            raise BadRequest("no such act, or a note that cannot be kept")
        if self._try(request, job, act, form.cleaned_data["note"]):
            self.message_user(request, act.done, messages.SUCCESS)
        return redirect("admin:generation_generationjob_change", job.pk)

    def _job(self, request: HttpRequest, job_id: int) -> GenerationJob:
        job = self.get_queryset(request).filter(pk=job_id).first()
        if job is None:
            raise Http404(f"there is no job {job_id}")
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        return job

    def _painted_job(self, request: HttpRequest, job_id: int) -> GenerationJob:
        job = self._job(request, job_id)
        if not is_painted(job):
            raise Http404(f"job {job_id} has no picture")
        return job

    # Several jobs at once

    @admin.action(description=_("Cancel the selected jobs"), permissions=["operate"])
    def cancel_jobs(self, request: HttpRequest, jobs: QuerySet[GenerationJob]) -> None:
        self._each(request, jobs, ACTS["cancel"])

    @admin.action(description=_("Retry the selected jobs"), permissions=["operate"])
    def retry_jobs(self, request: HttpRequest, jobs: QuerySet[GenerationJob]) -> None:
        self._each(request, jobs, ACTS["retry"])

    @admin.action(description=_("Hide the pictures of the selected jobs"), permissions=["operate"])
    def hide_jobs(self, request: HttpRequest, jobs: QuerySet[GenerationJob]) -> None:
        self._each(request, jobs, ACTS["hide"])

    @admin.action(
        description=_("Show the pictures of the selected jobs again"), permissions=["operate"]
    )
    def show_jobs(self, request: HttpRequest, jobs: QuerySet[GenerationJob]) -> None:
        self._each(request, jobs, ACTS["show"])

    @admin.action(description=_("Mark the selected jobs as reviewed…"), permissions=["operate"])
    def review_jobs(
        self, request: HttpRequest, jobs: QuerySet[GenerationJob]
    ) -> HttpResponse | None:
        return self._ask_first(request, jobs, ACTS["review"])

    @admin.action(
        description=_("Delete the selected jobs and their pictures…"), permissions=["erase"]
    )
    def delete_jobs(
        self, request: HttpRequest, jobs: QuerySet[GenerationJob]
    ) -> HttpResponse | None:
        return self._ask_first(request, jobs, DELETE)

    def _ask_first(
        self, request: HttpRequest, jobs: QuerySet[GenerationJob], act: Act
    ) -> HttpResponse | None:
        """A page that asks, for a note where the act takes one; then it is done."""
        is_answer = "confirmed" in request.POST
        form = NoteForm(request.POST if is_answer else None)
        if is_answer and form.is_valid():
            self._each(request, jobs, act, form.cleaned_data["note"])
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "opts": self.opts,
            "media": self.media,
            "act": act,
            "is_deletion": act is DELETE,
            "action": request.POST["action"],
            "form": form,
            "jobs": _chosen(request, jobs),
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/generation/generationjob/ask.html", context)

    def _each(
        self, request: HttpRequest, jobs: QuerySet[GenerationJob], act: Act, note: str = ""
    ) -> None:
        done = sum(self._try(request, job, act, note) for job in _chosen(request, jobs))
        if done:
            self.message_user(request, count_done(done), messages.SUCCESS)

    def _try(self, request: HttpRequest, job: GenerationJob, act: Act, note: str) -> bool:
        """Do it and keep it in the admin's log; a refusal is told. Whether it was done."""
        try:
            act.run(job, request.user.pk, note)
        except REFUSALS as refusal:
            words = gettext("Job %(job)s: %(why)s")
            values = {"job": short_id(job), "why": sentence(refusal)}
            self.message_user(request, words % values, messages.WARNING)
            return False
        if act is DELETE:
            self.log_deletions(request, [job])
        else:
            self.log_change(request, job, str(act.done))
        return True


def _chosen(request: HttpRequest, jobs: QuerySet[GenerationJob]) -> QuerySet[GenerationJob]:
    """What was ticked, in order of service: never a whole list by one box."""
    return jobs.filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME)).order_by("id")
