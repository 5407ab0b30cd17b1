"""The original service's REST contract: generate, status, download."""

from uuid import UUID

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from generation.api.authentication import TokenAuthentication
from generation.api.classic import serializers
from generation.api.files import owners_picture
from generation.api.orders import read_order
from generation.jobs import services
from generation.models import GenerationJob


class GenerateView(APIView):
    """POST /generate: accept one job, 202; 503 with Retry-After when there is no room."""

    def post(self, request: Request) -> Response:
        order = read_order(request.data)
        job = services.submit_job(order, owner_id=request.user.pk)
        return Response(serializers.accepted(job), status=202)


class StatusView(APIView):
    """GET /status/{job_id}: where one's own job stands."""

    def get(self, request: Request, job_id: UUID) -> Response:
        job = get_object_or_404(_own_jobs(request), public_id=job_id)
        return Response(serializers.status(job))


class PictureView(APIView):
    """A finished picture of one's own, to a program by token or to a browser by session."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    is_attachment = False

    def get(
        self, request: Request, job_id: UUID | None = None, filename: str | None = None
    ) -> HttpResponseBase:
        wanted = {"public_id": job_id} if job_id else {"public_filename": filename}
        job = get_object_or_404(_own_jobs(request), **wanted)
        return owners_picture(job, request, is_attachment=self.is_attachment)


def _own_jobs(request: Request) -> QuerySet[GenerationJob]:
    """Another user's job is not found, whoever asks."""
    return GenerationJob.objects.owned_by(request.user.pk)
