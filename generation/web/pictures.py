"""The history: one's jobs in pages, the newest first, by status and by words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.postgres.search import SearchQuery
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation import conf
from generation.jobs import services
from generation.jobs.estimates import outlook
from generation.jobs.schedule import Estimate
from generation.models import PROMPT_WORDS, GenerationJob, JobQuerySet, JobStatus
from generation.web.buttons import by_button

PAGE = 48
MAX_SEARCH_CHARS = 200
READ_ONE_BY_ONE = 4_000
FILTERS = {
    "": (pgettext_lazy("pictures", "All"), tuple(JobStatus.values)),
    "painted": (pgettext_lazy("pictures", "Painted"), (JobStatus.SUCCEEDED,)),
    "waiting": (pgettext_lazy("pictures", "Waiting"), (JobStatus.QUEUED, JobStatus.RUNNING)),
    "failed": (pgettext_lazy("pictures", "Failed"), (JobStatus.FAILED,)),
    "cancelled": (pgettext_lazy("pictures", "Cancelled"), (JobStatus.CANCELLED,)),
}
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One filter, as a link."""

    label: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One job of the history. model: the title of what painted it, or is to paint it.

    place, estimate: of one that waits or is painted, as far as known.
    """

    job: GenerationJob
    model: str
    place: int | None
    estimate: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the history. older: the address of the next one; empty where there is none."""

    cards: Sequence[Card]
    chips: Sequence[Chip]
    words: str
    status: str
    is_first: bool
    older: str

    @property
    def days(self) -> Iterator[tuple[date, list[Card]]]:
        for day, cards in groupby(self.cards, key=lambda card: card.job.created_at.date()):
            yield day, list(cards)


@login_required
@require_safe
@never_cache
def pictures(request: HttpRequest) -> HttpResponse:
    page = _read_page(request)
    return render(request, "generation/pictures.html", {"page": page})


@login_required
@by_button("web:pictures")
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the ones that were picked; those that have not ended stay."""
    picked = [public_id for given in request.POST.getlist("pick") if (public_id := _uuid(given))]
    deleted = kept = 0
    for job in _own_jobs(request).filter(public_id__in=picked[:PAGE]):
        try:
            services.delete_job(job)
            deleted += 1
        except services.JobNotDeletable:
            kept += 1
    if deleted:
        said = ngettext("%d picture deleted.", "%d pictures deleted.", deleted)
        messages.success(request, said % deleted)
    if kept:
        said = ngettext(
            "%d has not ended and stays; cancel it first.",
            "%d have not ended and stay; cancel them first.",
            kept,
        )
        messages.warning(request, said % kept)
    if not picked:
        messages.warning(request, _("Nothing was selected."))
    return redirect("web:pictures")


def _read_page(request: HttpRequest) -> Page:
    """What the address asks for; parameters that make no sense are left out."""
    words = request.GET.get("q", "").replace("\x00", "")[:MAX_SEARCH_CHARS].strip()
    status = request.GET.get("status", "")
    status = status if status in FILTERS else ""
    own = _own_jobs(request)
    before = own.filter(public_id=_uuid(request.GET.get("before", ""))).first()
    if before:
        own = own.filter(pk__lt=before.pk)
    wanted = Q(status__in=FILTERS[status][1]) if status else Q()
    terms = _terms(words)
    found = _newest(own, wanted, terms) if terms or not words else []
    return Page(
        cards=_cards(found[:PAGE]),
        chips=_chips(words, status),
        words=words,
        status=status,
        is_first=before is None,
        older=_address(words, status, found[PAGE - 1]) if len(found) > PAGE else "",
    )


def _cards(jobs: Sequence[GenerationJob]) -> list[Card]:
    told = outlook(jobs)
    titles = {name: profile.title for name, profile in conf.profiles().items()}
    return [
        Card(
            job=job,
            model=titles.get(job.profile, job.profile),
            place=told.places.get(job.pk),
            estimate=told.estimates.get(job.pk),
        )
        for job in jobs
    ]


def _own_jobs(request: HttpRequest) -> JobQuerySet:
    return GenerationJob.objects.owned_by(request.user.pk).shown()


def _newest(own: JobQuerySet, wanted: Q, terms: Sequence[str]) -> list[GenerationJob]:
    """The newest of one's own jobs that are wanted and have all terms: a page and one more.

    Common words are found among the newest jobs, read one by one. For rare ones that would mean
    all jobs, so the rest is left to the index of words: an order that no index has leads there.
    """
    jobs = own.filter(wanted)
    if not terms:
        return list(jobs.order_by("-pk")[: PAGE + 1])
    query = SearchQuery(" & ".join(terms), config="simple", search_type="raw")
    jobs = jobs.alias(prompt_words=PROMPT_WORDS).filter(prompt_words=query)
    oldest = own.order_by("-pk").values_list("pk", flat=True)[READ_ONE_BY_ONE:].first()
    found = list(jobs.filter(pk__gt=oldest or 0).order_by("-pk")[: PAGE + 1])
    if oldest is None or len(found) > PAGE:
        return found
    return list(jobs.order_by((F("pk") + 0).desc())[: PAGE + 1])


def _terms(words: str) -> list[str]:
    """Each word as PostgreSQL's search takes it: found also where another one begins with it."""
    return [f"{word}:*" for word in WORD.findall(words)]


def _chips(words: str, chosen: str) -> list[Chip]:
    return [
        Chip(label=label, address=_address(words, status), is_chosen=status == chosen)
        for status, (label, _statuses) in FILTERS.items()
    ]


def _address(words: str, status: str, before: GenerationJob | None = None) -> str:
    asked = {"q": words, "status": status, "before": before.public_id if before else ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('web:pictures')}?{query}" if query else reverse("web:pictures")


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None
