"""What every page shows around its contents."""

from importlib.metadata import version

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from generation.models import GenerationJob, JobStatus
from generation.web.looks import chosen_theme

VERSION = version("imagen")


def page(request: HttpRequest) -> dict[str, object]:
    """theme, version and the page's address; for a person who is signed in also the current job.

    Asks no database on a page that has nobody: error pages must come without one.
    """
    person = _signed_in(request)
    around: dict[str, object] = {
        "theme": chosen_theme(request),
        "version": VERSION,
        "here": request.get_full_path(),
        "person": person,
    }
    if person is None:
        return around
    return around | {"current_job": SimpleLazyObject(lambda: _current_job(person.pk))}


def _signed_in(request: HttpRequest) -> AbstractBaseUser | None:
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _current_job(user_id: int) -> GenerationJob | None:
    """The one that runs, or else the one that waits; the newest of several."""
    jobs = GenerationJob.objects.owned_by(user_id).only("public_id", "status", "step", "steps")
    running = jobs.filter(status=JobStatus.RUNNING).order_by("-pk").first()
    return running or jobs.queued().order_by("-pk").first()
