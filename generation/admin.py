"""Operators' pages, first form: look, cancel, retry, revoke. Nothing here can edit a job."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from generation.jobs import queue, services
from generation.models import ApiToken, GenerationJob
from generation.spec.errors import InvalidRequest
from generation.tokens import revoke_token

admin.site.site_header = admin.site.site_title = "Imagen"
queue.take_down_broker_pages()

REFUSALS = (
    services.JobNotCancellable,
    services.JobNotDeletable,
    services.JobNotRetryable,
    queue.QueueFull,
    InvalidRequest,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that are shown and acted upon, never typed into."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(GenerationJob)
class GenerationJobAdmin(ReadOnlyAdmin):
    list_display = ("short_id", "owner", "status", "progress", "attempt", "words", "created_at")
    list_filter = ("status",)
    search_fields = ("prompt", "public_id")
    list_select_related = ("owner",)
    show_full_result_count = False
    exclude = ("output",)
    actions = ("cancel_jobs", "retry_jobs", "delete_jobs")

    @admin.display(description=_("job"), ordering="id")
    def short_id(self, job: GenerationJob) -> str:
        return str(job.public_id)[:8]

    @admin.display(description=_("step"))
    def progress(self, job: GenerationJob) -> str:
        return f"{job.step}/{job.steps}"

    @admin.display(description=_("prompt"))
    def words(self, job: GenerationJob) -> str:
        return Truncator(job.prompt).chars(32)

    @admin.action(description=_("Cancel the selected jobs"), permissions=["operate"])
    def cancel_jobs(self, request: HttpRequest, jobs: QuerySet[GenerationJob]) -> None:
        self._each(request, jobs, services.cancel_job)

    @admin.action(description=_("Retry the selected jobs"), permissions=["operate"])
    def retry_jobs(self, request: HttpRequest, jobs: QuerySet[GenerationJob]) -> None:
        self._each(request, jobs, services.retry_job)

    @admin.action(
        description=_("Delete the selected jobs and their pictures"), permissions=["erase"]
    )
    def delete_jobs(self, request: HttpRequest, jobs: QuerySet[GenerationJob]) -> None:
        self._each(request, jobs, services.delete_job)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generation.change_generationjob")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generation.delete_generationjob")

    def _each(
        self,
        request: HttpRequest,
        jobs: QuerySet[GenerationJob],
        service: Callable[[GenerationJob], object],
    ) -> None:
        done = 0
        for job in jobs.order_by("id"):
            try:
                service(job)
                done += 1
            except REFUSALS as refusal:
                self.message_user(request, str(refusal), messages.WARNING)
        self.message_user(request, _("%d jobs: done.") % done)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "prefix", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    actions = ("revoke_tokens",)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["operate"])
    def revoke_tokens(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        revoked = sum(revoke_token(token) for token in tokens)
        self.message_user(request, _("%d tokens revoked.") % revoked)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generation.change_apitoken")
