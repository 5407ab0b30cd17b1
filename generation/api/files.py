"""Stored pictures on their way out: streamed, typed, and inert in a browser."""

import asyncio
from collections.abc import AsyncIterator
from typing import IO

from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from generation.api.errors import NoPicture, PictureHidden
from generation.jobs.outputs import make_thumbnail, thumbnail_name
from generation.models import GenerationJob, JobStatus

CHUNK_BYTES = 65_536


def owners_picture(job: GenerationJob, *, is_attachment: bool) -> StreamingHttpResponse:
    """What an owner gets. Raises PictureHidden, NoPicture, Http404."""
    refuse_hidden(job)
    if job.status != JobStatus.SUCCEEDED:
        raise NoPicture
    return stream_picture(job, is_attachment=is_attachment)


def refuse_hidden(job: GenerationJob) -> None:
    """Raises PictureHidden when an operator keeps what this job paints from its owner."""
    if job.hidden_at is not None:
        raise PictureHidden


def stream_picture(job: GenerationJob, *, is_attachment: bool) -> StreamingHttpResponse:
    """The picture of a succeeded job. Raises Http404 when its file is no longer there."""
    try:
        file = default_storage.open(job.output.name)
    except FileNotFoundError as error:
        raise Http404(f"{job.output.name} is gone") from error
    response = _stream(file, "image/png")
    response["Content-Disposition"] = content_disposition_header(is_attachment, job.public_filename)
    return response


def stream_thumbnail(job: GenerationJob) -> StreamingHttpResponse:
    """A small WebP of a succeeded job's picture; the picture itself where there is none."""
    try:
        return _stream(default_storage.open(thumbnail_name(job.output.name)), "image/webp")
    except FileNotFoundError:
        return stream_picture(job, is_attachment=False)


def small_picture(file: bytes) -> HttpResponse:
    """A picture that lies in a row, as a small WebP."""
    headers = picture_headers() | {"Cache-Control": "private, max-age=86400"}
    return HttpResponse(make_thumbnail(file), content_type="image/webp", headers=headers)


def _stream(file: IO[bytes], content_type: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_Chunks(file), content_type=content_type)
    response["Content-Length"] = file.size
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    for name, value in picture_headers().items():
        response[name] = value
    return response


def picture_headers() -> dict[str, str]:
    """What makes a picture inert in a browser, and of no use to another site."""
    return {
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


class _Chunks:
    """A file piece by piece, read in threads; closed at its end, or with an unread response."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self.file:
            while chunk := await asyncio.to_thread(self.file.read, CHUNK_BYTES):
                yield chunk

    def close(self) -> None:
        self.file.close()
