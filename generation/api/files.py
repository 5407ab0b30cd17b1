"""Stored pictures on their way out: streamed, typed, inert in a browser, and asked for each time.

An owner's browser may keep a picture, but asks whether it may show it: an operator may have hidden
it, or its owner deleted it. The answer to that costs the view and no file.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import IO

from django.core.files.storage import default_storage
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotModified,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags

from generation.api.errors import NoPicture, PictureHidden
from generation.jobs.outputs import make_thumbnail, thumbnail_name
from generation.models import GenerationJob, ReferenceImage

CHUNK_BYTES = 65_536
TILE_SIDE = 128
"""Twice that of the form's tiles, for fine screens."""


def owners_picture(
    job: GenerationJob, request: HttpRequest, *, is_attachment: bool
) -> HttpResponseBase:
    """What an owner gets. Raises PictureHidden, NoPicture, Http404."""
    refuse_hidden(job)
    if not job.has_picture:
        raise NoPicture
    return stream_picture(job, request, is_attachment=is_attachment)


def refuse_hidden(job: GenerationJob) -> None:
    """Raises PictureHidden when an operator keeps what this job paints from its owner."""
    if job.hidden_at is not None:
        raise PictureHidden


def stream_picture(
    job: GenerationJob, request: HttpRequest, *, is_attachment: bool
) -> HttpResponseBase:
    """The picture of a succeeded job; 304 where the client has it.

    Raises Http404 when its file is no longer there.
    """
    headers = _headers(job.output.name)
    if known := _not_modified(request, headers):
        return known
    try:
        file = default_storage.open(job.output.name)
    except FileNotFoundError as error:
        raise Http404(f"{job.output.name} is gone") from error
    disposition = content_disposition_header(is_attachment, job.public_filename)
    headers |= {"Content-Disposition": disposition}
    return _stream(file, job.file_format.content_type, headers)


def stream_thumbnail(job: GenerationJob, request: HttpRequest) -> HttpResponseBase:
    """A small WebP of a succeeded job's picture; the picture itself where there is none."""
    name = thumbnail_name(job.output.name)
    headers = _headers(name)
    if known := _not_modified(request, headers):
        return known
    try:
        return _stream(default_storage.open(name), "image/webp", headers)
    except FileNotFoundError:
        return stream_picture(job, request, is_attachment=False)


def small_picture(reference: ReferenceImage, request: HttpRequest) -> HttpResponseBase:
    """A reference as a small WebP; 304 where the client has it.

    reference: may come without its file, which is then read only for an answer that needs it.
    """
    headers = _headers(f"{reference.digest} {TILE_SIDE}")
    if known := _not_modified(request, headers):
        return known
    file = make_thumbnail(bytes(reference.file), TILE_SIDE)
    return HttpResponse(file, content_type="image/webp", headers=headers)


def picture_headers() -> dict[str, str]:
    """What makes a picture inert in a browser, and of no use to another site."""
    return {
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _headers(name: str) -> dict[str, str]:
    """Those of a picture that never changes under this name, but may become nobody's business."""
    tag = hashlib.sha256(name.encode()).hexdigest()[:32]
    return picture_headers() | {"Cache-Control": "private, no-cache", "ETag": f'"{tag}"'}


def _not_modified(request: HttpRequest, headers: dict[str, str]) -> HttpResponse | None:
    """304 when the client has it already.

    With all headers: a browser puts them in the place of those that it has kept.
    """
    given = parse_etags(request.headers.get("If-None-Match", ""))
    if not {"*", headers["ETag"]} & {tag.removeprefix("W/") for tag in given}:
        return None
    return HttpResponseNotModified(headers=headers)


def _stream(file: IO[bytes], content_type: str, headers: dict[str, str]) -> StreamingHttpResponse:
    length = {"Content-Length": str(file.size)}
    return StreamingHttpResponse(_Chunks(file), content_type=content_type, headers=headers | length)


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
