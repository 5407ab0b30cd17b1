"""How operators find a job among a million: filters, search and a count that stops in time."""

import re
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.postgres.search import SearchQuery
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from generation import conf
from generation.models import PROMPT_WORDS, GenerationJob, JobStatus

COUNT_AT_MOST = 10_000
ID_START = re.compile(r"[0-9a-f]{8,32}")


class TooBroad(Exception):
    """A search for what is missing alone, which nearly every job answers."""


class BoundedPaginator(Paginator):
    """Counts as far as anybody turns pages; what lies beyond is found by filters and search."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, COUNT_AT_MOST)

    @property
    def is_bounded(self) -> bool:
        """Whether there is more than the count says."""
        return self._counted > COUNT_AT_MOST

    @cached_property
    def _counted(self) -> int:
        return self.object_list[: COUNT_AT_MOST + 1].count()


def search(jobs: QuerySet[GenerationJob], words: str) -> QuerySet[GenerationJob]:
    """By words of the prompt, the start of an id, or the owner's whole name.

    The owner is looked up before, since a subquery beside it would read the whole table; the newest
    are sorted out by an order that no index has, since it would else read them one by one.
    Raises TooBroad where the index of words cannot help.
    """
    if _needs_no_word(words):
        raise TooBroad(words)
    query = SearchQuery(words, config="simple", search_type="websearch")
    owners = get_user_model().objects.filter(username__iexact=words)
    wanted = Q(prompt_words=query) | Q(owner_id__in=list(owners.values_list("pk", flat=True)))
    start = words.lower().replace("-", "")
    if ID_START.fullmatch(start):
        first, last = UUID(start.ljust(32, "0")), UUID(start.ljust(32, "f"))
        wanted |= Q(public_id__range=(first, last))
    matches = jobs.alias(prompt_words=PROMPT_WORDS).filter(wanted)
    newest = matches.order_by((F("pk") + 0).desc()).values_list("pk", flat=True)
    return jobs.filter(pk__in=list(newest[: COUNT_AT_MOST + 1]))


def _needs_no_word(words: str) -> bool:
    """Whether a prompt can match without holding any of them; PostgreSQL says T for that."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT querytree(websearch_to_tsquery('simple', %s))", [words])
        return bool(cursor.fetchone()[0] == "T")


class StatusFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, object]]:
        return JobStatus.choices

    def queryset(
        self, request: HttpRequest, jobs: QuerySet[GenerationJob]
    ) -> QuerySet[GenerationJob]:
        return jobs.filter(status=self.value()) if self.value() in JobStatus.values else jobs


class ProfileFilter(admin.SimpleListFilter):
    """Of the profiles this server knows: asking the table for all it holds reads all of it."""

    title = _("profile")
    parameter_name = "profile"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(profile.name, profile.title) for profile in conf.profiles().values()]

    def queryset(
        self, request: HttpRequest, jobs: QuerySet[GenerationJob]
    ) -> QuerySet[GenerationJob]:
        return jobs.filter(profile=self.value()) if self.value() else jobs


class MarkFilter(admin.SimpleListFilter):
    """Whether a mark's time is set."""

    column: str

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, object]]:
        return [("yes", _("yes")), ("no", _("no"))]

    def queryset(
        self, request: HttpRequest, jobs: QuerySet[GenerationJob]
    ) -> QuerySet[GenerationJob]:
        if self.value() not in ("yes", "no"):
            return jobs
        return jobs.filter(**{f"{self.column}__isnull": self.value() == "no"})


class ReviewedFilter(MarkFilter):
    title = _("reviewed")
    parameter_name = "reviewed"
    column = "reviewed_at"


class HiddenFilter(MarkFilter):
    title = _("hidden")
    parameter_name = "hidden"
    column = "hidden_at"


class CreatedFilter(admin.DateFieldListFilter):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("submitted")
