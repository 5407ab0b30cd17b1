"""The form: what it offers, how its words are read, and where a picture begins."""

import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generation.api.errors import queue_full_sentence
from generation.api.files import small_picture
from generation.jobs import references, services, uploads
from generation.jobs.queue import QueueFull
from generation.models import GenerationJob, ReferenceImage, UploadedReference
from generation.spec.errors import FieldError, InvalidRequest, ReferenceMissing
from generation.spec.limits import MAX_SEED
from generation.spec.request import show_value
from generation.uploads.reading import ReaderBusy, UploadRefused, read_upload
from generation.web import once, orders
from generation.web.form_page import LOST_REFERENCE, SERVICE, Form, FormPage
from generation.web.middleware import give_connections_back

REFUSED = 400
NO_ROOM = 503


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Show the form, or accept what it says. Some of its buttons only change the form."""
    if request.method != "POST":
        return _show(request, _first_form(request))
    form = request.POST.dict()
    is_shown_again = bool(form.keys() & {"roll", "check", "forget", "use"})
    form = orders.follow_model(form, is_shown_again=is_shown_again)
    try:
        form, errors = _keep_file(request, form)
    except ReaderBusy as busy:
        return _show(request, form, errors=[_file_error(request, busy)], status=NO_ROOM)
    if "roll" in form:
        form["seed"] = str(secrets.randbelow(MAX_SEED + 1))
    if "forget" in form:
        form = _forget(request, form)
    if "use" in form:
        form = orders.with_model(form, form["use"])
    if is_shown_again:
        return _show(request, form, errors=errors)
    return _submit(request, form, errors)


@login_required
@never_cache
@require_POST
def read_words(request: HttpRequest) -> HttpResponse:
    """How the words will be read: the lens alone."""
    page = _page(request, request.POST.dict())
    return render(request, "generation/_lens.html", {"page": page})


@login_required
@never_cache
@require_safe
def look_at_queue(request: HttpRequest) -> HttpResponse:
    """When it would be ready: the sentence beside the button alone, for what the fields hold."""
    asked = request.GET
    form = {name: asked[name] for name in orders.FORECAST_FIELDS if name in asked}
    page = _page(request, orders.follow_model(form))
    return render(request, "generation/_estimate.html", {"page": page})


@login_required
@require_safe
def show_offered(request: HttpRequest) -> HttpResponse:
    """The reference that the operator offers, small."""
    try:
        offered = ReferenceImage.objects.defer("file").get(pk=references.offered())
    except ReferenceMissing as missing:
        raise Http404 from missing
    return small_picture(offered, request)


@login_required
@require_safe
def show_upload(request: HttpRequest, upload_id: int) -> HttpResponse:
    """One's own upload, small."""
    return small_picture(_own_upload(request, upload_id).reference, request)


def _first_form(request: HttpRequest) -> Form:
    """Empty, or with the order of one's own job: `again`, without its seed where `vary` is set."""
    wanted = request.GET
    form = {"prompt": wanted.get("prompt", "")}
    if "again" in wanted:
        jobs = GenerationJob.objects.owned_by(request.user.pk).select_related("reference")
        job = get_object_or_404(jobs, public_id=_read_uuid(wanted["again"]))
        form = orders.follow_model(orders.as_form(job)) | {"reference": _choice_of(job)}
        if job.reference_id and not form["reference"]:
            form[LOST_REFERENCE] = "1"
    if "vary" in wanted:
        form["seed"] = ""
    if "profile" in wanted:
        form = orders.with_model(form, wanted["profile"])
    sizes = {name: wanted[name] for name in ("width", "height", "steps") if name in wanted}
    return form | sizes


def _submit(request: HttpRequest, form: Form, errors: list[FieldError]) -> HttpResponse:
    """The job's page, or the form again with all that was typed and what is wrong with it.

    A form that is sent twice, by a double click or a reload, is one job.
    """
    if earlier := once.find(request.user.pk, form):
        return redirect("web:job", earlier)
    try:
        order = orders.read_form(form, _reference_finder(request.user.pk, form))
        if not errors:
            job = services.submit_job(
                order, owner_id=request.user.pk, is_batch=orders.is_batch(form)
            )
            once.note(request.user.pk, form, job.public_id)
            return redirect("web:job", job.public_id)
    except InvalidRequest as refused:
        errors = [*refused.errors, *errors]
    except QueueFull as full:
        return _show(request, form, notice=queue_full_sentence(full), status=NO_ROOM)
    return _show(request, form, errors=errors, status=REFUSED)


def _show(
    request: HttpRequest,
    form: Form,
    *,
    errors: list[FieldError] | None = None,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    once.forget(request.user.pk, form)
    page = _page(request, form, errors=errors or [], notice=notice)
    response = render(request, "generation/create.html", {"page": page}, status=status)
    if status == NO_ROOM:
        response["Retry-After"] = str(settings.IMAGEN_RETRY_AFTER)
    return response


def _page(request: HttpRequest, form: Form, **more: Any) -> FormPage:
    person = request.user
    return FormPage(form=form, user_id=person.pk, is_operator=person.is_staff, **more)


def _keep_file(request: HttpRequest, form: Form) -> tuple[Form, list[FieldError]]:
    """The form with its file as the chosen upload; the same form and an error if it is refused.

    Raises ReaderBusy when there is no place to read it now.
    """
    file = request.FILES.get("file")
    if file is None:
        return form, []
    give_connections_back()
    try:
        upload = uploads.keep_upload(request.user.pk, file.name or "?", read_upload(file))
    except ReaderBusy:
        raise
    except UploadRefused as refused:
        return form, [_file_error(request, refused)]
    return form | {"reference": str(upload.pk)}, []


def _file_error(request: HttpRequest, refused: UploadRefused) -> FieldError:
    shown = show_value(request.FILES["file"].name or "?")
    return FieldError(field="file", value=shown, template=refused.template, params=refused.params)


def _forget(request: HttpRequest, form: Form) -> Form:
    """Delete the upload that the button names; the form without it."""
    gone = form["forget"]
    for upload in uploads.uploads_of(request.user.pk):
        if str(upload.pk) == gone:
            uploads.discard_upload(upload)
    return form | {"reference": ""} if form.get("reference") == gone else form


def _reference_finder(user_id: int, form: Form) -> Callable[[], str]:
    """What answers with the digest of the reference that the form chooses."""
    choice = form.get("reference", "")
    if choice == SERVICE:
        return references.offered

    def find_upload() -> str:
        own = {str(upload.pk): upload for upload in uploads.uploads_of(user_id)}
        if choice not in own:
            raise ReferenceMissing(references.GONE)
        return own[choice].reference_id

    return find_upload


def _choice_of(job: GenerationJob) -> str:
    """How the form names the job's reference; empty where its owner cannot choose it any more."""
    if job.reference_id is None:
        return ""
    own = UploadedReference.objects.filter(owner_id=job.owner_id, reference_id=job.reference_id)
    if found := own.first():
        return str(found.pk)
    try:
        return SERVICE if job.reference_id == references.offered() else ""
    except ReferenceMissing:
        return ""


def _read_uuid(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError as error:
        raise Http404(f"{given!r} is no id of a job") from error


def _own_upload(request: HttpRequest, upload_id: int) -> UploadedReference:
    own = UploadedReference.objects.filter(owner_id=request.user.pk).select_related("reference")
    return get_object_or_404(own.defer("reference__file"), pk=upload_id)
