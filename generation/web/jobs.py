"""One's own job: its page, the part of it that renews itself, its files, and what can be done."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation.api.errors import queue_full_sentence
from generation.api.files import picture_headers, stream_picture, stream_thumbnail
from generation.jobs import services
from generation.jobs.queue import QueueFull
from generation.models import GenerationJob, JobPreview
from generation.spec.errors import InvalidRequest
from generation.web.buttons import by_button
from generation.web.job_page import JobPage


@login_required
@require_safe
@never_cache
def show(request: HttpRequest, job_id: UUID) -> HttpResponse:
    page = JobPage(job=_own_job(request, job_id), is_operator=request.user.is_staff)
    return render(request, "generation/job.html", {"page": page})


@login_required
@require_safe
@never_cache
def live(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The part that renews itself while the job lives."""
    page = JobPage(job=_own_job(request, job_id), is_operator=request.user.is_staff)
    return render(request, "generation/_job.html", {"page": page})


@login_required
@by_button("web:job", "job_id")
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    try:
        services.cancel_job(_own_job(request, job_id), actor_id=request.user.pk)
    except services.JobNotCancellable as refused:
        messages.warning(request, _(refused.template))
    return redirect("web:job", job_id)


@login_required
@by_button("web:job", "job_id")
def retry(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The new job's page, or the old one's with the reason why there is none."""
    try:
        job = services.retry_job(_own_job(request, job_id), actor_id=request.user.pk)
    except services.JobNotRetryable as refused:
        messages.warning(request, _(refused.template))
    except QueueFull as full:
        messages.warning(request, queue_full_sentence(full))
    except InvalidRequest as refused:
        sentences = [_(error.template) % error.values for error in refused.errors]
        messages.warning(request, " ".join(sentences))
    else:
        return redirect("web:job", job.public_id)
    return redirect("web:job", job_id)


@login_required
@by_button("web:job", "job_id")
def delete(request: HttpRequest, job_id: UUID) -> HttpResponse:
    try:
        services.delete_job(_own_job(request, job_id))
    except services.JobNotDeletable as refused:
        messages.warning(request, _(refused.template))
        return redirect("web:job", job_id)
    messages.success(request, _("The picture is deleted."))
    return redirect("web:pictures")


@login_required
@require_safe
def picture(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    return stream_picture(_own_picture(request, job_id), request, is_attachment=False)


@login_required
@require_safe
def download(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    return stream_picture(_own_picture(request, job_id), request, is_attachment=True)


@login_required
@require_safe
def thumbnail(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    return stream_thumbnail(_own_picture(request, job_id), request)


@login_required
@require_safe
@never_cache
def preview(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """What a running job's picture is going to be."""
    found = JobPreview.objects.current(_own_job(request, job_id)).first()
    if found is None:
        raise Http404("no preview now")
    return HttpResponse(bytes(found.image), content_type="image/jpeg", headers=picture_headers())


def _own_job(request: HttpRequest, job_id: UUID) -> GenerationJob:
    """Another user's job is not found, whoever asks."""
    own = GenerationJob.objects.owned_by(request.user.pk).select_related("retried_as")
    return get_object_or_404(own, public_id=job_id)


def _own_picture(request: HttpRequest, job_id: UUID) -> GenerationJob:
    job = get_object_or_404(GenerationJob.objects.owned_by(request.user.pk), public_id=job_id)
    if not job.has_picture:
        raise Http404("no picture to be seen")
    return job
