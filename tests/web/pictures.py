"""Jobs with true files."""

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import StreamingHttpResponse

from generation.jobs import outputs
from generation.models import GenerationJob
from tests import factories


def finished_job(owner: User | None = None, **fields: object) -> GenerationJob:
    """A succeeded job whose picture and thumbnail lie in the media folder."""
    job, claim = factories.running_job(owner, **fields)
    assert outputs.publish(claim, factories.picture(job.file_format, job.width, job.height))
    job.refresh_from_db()
    return job


@async_to_sync
async def body_of(response: StreamingHttpResponse) -> bytes:
    """All that a file's answer sends."""
    return b"".join([chunk async for chunk in response])
