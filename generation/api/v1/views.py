"""The native API: each view reads, makes one service call and answers."""

from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from generation import conf
from generation.api.authentication import TokenAuthentication
from generation.api.errors import NoPreview
from generation.api.files import owners_picture, picture_headers, refuse_hidden
from generation.api.hints import Adviser
from generation.api.orders import read_prioritised_order, require_object
from generation.api.v1 import listing, serializers
from generation.api.v1.document import describe, header
from generation.jobs import services
from generation.jobs.estimates import forecast
from generation.models import GenerationJob, JobPreview
from generation.prompts import read_prompt
from generation.spec.formats import CONTENT_TYPES
from generation.spec.request import read_prompt_fields


class JobsView(APIView):
    """One's own jobs."""

    @extend_schema(operation_id="jobs_list")
    @describe(
        "List jobs, newest first",
        parameters=listing.PARAMETERS,
        responses={200: serializers.JobListSerializer},
        errors=(400,),
    )
    def get(self, request: Request) -> Response:
        page = listing.read_page(request.query_params, _own_jobs(request))
        older = f"{reverse('v1-jobs')}?{urlencode(page.older)}" if page.older else None
        return Response({"jobs": serializers.jobs(page.jobs, _adviser(request)), "next": older})

    @describe(
        "Submit a job",
        request="JobRequest",
        responses={202: serializers.JobSerializer},
        errors=(400, 413, 503),
        parameters=[header(202, "Location", "the job's address")],
    )
    def post(self, request: Request) -> Response:
        order = read_prioritised_order(request.data)
        job = services.submit_job(order.request, owner_id=request.user.pk, is_batch=order.is_batch)
        return _accepted(request, job)


class JobView(APIView):
    """One job."""

    @describe("Show a job", responses={200: serializers.JobSerializer}, errors=(404,))
    def get(self, request: Request, job_id: UUID) -> Response:
        return _shown(request, _own_job(request, job_id))

    @describe("Delete an ended job and its picture", responses={204: None}, errors=(404, 409))
    def delete(self, request: Request, job_id: UUID) -> Response:
        services.delete_job(_own_job(request, job_id))
        return Response(status=204)


class CancelView(APIView):
    """Stop waiting for a job."""

    @describe(
        "Cancel a job: a queued one at once, a running one within a second or its next block",
        request=None,
        responses={200: serializers.JobSerializer},
        errors=(404, 409),
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        services.cancel_job(_own_job(request, job_id), actor_id=request.user.pk)
        return _shown(request, _own_job(request, job_id))


class RetryView(APIView):
    """Ask for the same picture again."""

    @describe(
        "Submit a failed or cancelled job again, once, as a new job",
        request=None,
        responses={202: serializers.JobSerializer},
        errors=(400, 404, 409, 503),
        parameters=[header(202, "Location", "the new job's address")],
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        job = services.retry_job(_own_job(request, job_id), actor_id=request.user.pk)
        return _accepted(request, job)


class ImageView(APIView):
    """The finished picture, to a program by token or to a browser by session."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)

    @describe(
        "Fetch the finished picture",
        responses={200: CONTENT_TYPES, 304: None},
        errors=(403, 404, 409),
        parameters=[header(200, "ETag", "sent back as If-None-Match, it may be answered by 304")],
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        return owners_picture(_own_job(request, job_id), request, is_attachment=False)


class PreviewView(APIView):
    """What a running job's picture is going to be."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)

    @describe(
        "Fetch the latest preview of a running job, an eighth of the picture's size",
        responses={200: ("image/jpeg",)},
        errors=(403, 404, 409),
        parameters=[header(200, "X-Step", "the step that it shows")],
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponse:
        job = _own_job(request, job_id)
        refuse_hidden(job)
        preview = JobPreview.objects.current(job).first()
        if preview is None:
            raise NoPreview
        headers = {"X-Step": str(preview.step), "Cache-Control": "no-store"}
        return HttpResponse(
            bytes(preview.image), content_type="image/jpeg", headers=picture_headers() | headers
        )


class ProfilesView(APIView):
    """The models of this server."""

    @describe(
        "List profiles with their limits and defaults",
        responses={200: serializers.ProfileListSerializer},
    )
    def get(self, request: Request) -> Response:
        known = conf.profiles().values()
        return Response({"profiles": [serializers.profile(profile) for profile in known]})


class EstimateView(APIView):
    """When a picture would be painted; nothing is submitted."""

    @describe(
        "Tell place and time of a job before submitting it",
        request="JobRequest",
        responses={200: serializers.ForecastSerializer},
        errors=(400, 413),
    )
    def post(self, request: Request) -> Response:
        order = read_prioritised_order(request.data)
        services.require_installed(order.request.profile)
        told = forecast(order.request, owner_id=request.user.pk, is_batch=order.is_batch)
        return Response(serializers.forecast(told))


class PromptView(APIView):
    """How a prompt would be read; nothing is submitted."""

    @describe(
        "Tell tokens, chunks and weights of a prompt, and words that the profile does not know",
        request="PromptRequest",
        responses={200: serializers.PromptReadingSerializer},
        errors=(400, 413),
    )
    def post(self, request: Request) -> Response:
        prompt, profile = read_prompt_fields(
            require_object(request.data),
            profiles=conf.profiles(),
            default_profile=conf.profile().name,
            limits=conf.limits(),
        )
        services.require_installed(profile.name)
        advice = _adviser(request).advise(profile.name, prompt)
        return Response(serializers.prompt_reading(read_prompt(prompt, profile.folder), advice))


def _shown(request: Request, job: GenerationJob) -> Response:
    return Response(serializers.job(job, _adviser(request)))


def _accepted(request: Request, job: GenerationJob) -> Response:
    shown = serializers.accepted(job, _adviser(request))
    location = reverse("v1-job", args=[job.public_id])
    return Response(shown, status=202, headers={"Location": location})


def _adviser(request: Request) -> Adviser:
    return Adviser(is_operator=request.user.is_staff)


def _own_jobs(request: Request) -> QuerySet[GenerationJob]:
    """Another user's job is not found, whoever asks."""
    jobs = GenerationJob.objects.owned_by(request.user.pk)
    return jobs.select_related("retry_of", "retried_as")


def _own_job(request: Request, job_id: UUID) -> GenerationJob:
    return get_object_or_404(_own_jobs(request), public_id=job_id)
