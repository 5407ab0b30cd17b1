"""Stored pictures on their way out: streamed, typed, and inert in a browser."""

import asyncio
from collections.abc import AsyncIterator
from typing import IO

from django.core.files.storage import default_storage
from django.http import Http404, StreamingHttpResponse
from django.utils.http import content_disposition_header

from generation.models import GenerationJob

CHUNK_BYTES = 65_536


def stream_picture(job: GenerationJob, *, is_attachment: bool) -> StreamingHttpResponse:
    """The picture of a succeeded job. Raises Http404 when its file is no longer there."""
    try:
        file = default_storage.open(job.output.name)
    except FileNotFoundError as error:
        raise Http404(f"{job.output.name} is gone") from error
    response = StreamingHttpResponse(_Chunks(file), content_type="image/png")
    response["Content-Length"] = file.size
    response["Content-Disposition"] = content_disposition_header(is_attachment, job.public_filename)
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
