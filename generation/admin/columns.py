"""What is shown of a job: the list's columns, and its page's fields with their names."""

from datetime import datetime

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from generation.admin.acts import is_painted, short_id
from generation.models import GenerationJob, JobStatus, ReferenceImage
from generation.spec.adjustments import ADJUSTMENTS, known_adjustments
from generation.spec.errors import failure_sentence
from generation.web.moves import TO_BE_CANCELLED

THUMBNAIL_SIDE = 72
NOTHING = "-"


class Labels(forms.ModelForm):
    """The columns' names for people."""

    class Meta:
        labels = {
            "created_at": _("submitted"),
            "finished_at": _("ended"),
            "prompt": _("prompt"),
            "negative_prompt": _("negative prompt"),
            "guidance_scale": _("guidance scale"),
            "seed": _("seed"),
            "ip_strength": _("strength of the reference"),
            "profile": _("profile"),
            "output_format": _("file format"),
            "attempt": _("attempts"),
            "worker": _("worker"),
            "worker_pid": _("its process"),
            "claimed_at": _("claimed"),
            "heartbeat_at": _("last heartbeat"),
            "deadline_at": _("deadline"),
            "not_before": _("not before"),
            "oom_count": _("out of memory"),
            "crash_count": _("crashes"),
            "cancel_requested": _("cancellation asked for"),
            "is_batch": _("no hurry"),
            "public_filename": _("file name"),
            "error_code": _("error code"),
            "error_detail": _("detail"),
            "hidden_at": _("hidden"),
            "hidden_by": _("hidden by"),
            "reviewed_at": _("reviewed"),
            "reviewed_by": _("reviewed by"),
            "review_note": _("note"),
        }


class JobColumns:
    """Columns and fields; none can be typed into."""

    form = Labels
    fieldsets = (
        (
            None,
            {"fields": ("identity", "whose", "state", "created_at", "finished_at", "relatives")},
        ),
        (
            _("The order"),
            {
                "fields": (
                    "prompt",
                    "negative_prompt",
                    "size",
                    "progress",
                    "guidance_scale",
                    "seed",
                    "profile",
                    "ip_strength",
                    "reference_name",
                    "output_format",
                    "is_batch",
                )
            },
        ),
        (
            _("The outcome"),
            {
                "fields": (
                    "public_filename",
                    "adjusted",
                    "error_code",
                    "error_sentence",
                    "error_detail",
                )
            },
        ),
        (
            _("The operators"),
            {"fields": ("hidden_at", "hidden_by", "reviewed_at", "reviewed_by", "review_note")},
        ),
        (
            _("The work"),
            {
                "fields": (
                    "attempt",
                    "worker",
                    "worker_pid",
                    "claimed_at",
                    "heartbeat_at",
                    "deadline_at",
                    "not_before",
                    "oom_count",
                    "crash_count",
                    "cancel_requested",
                ),
                "classes": ("collapse",),
            },
        ),
    )

    @admin.display(description=_("picture"))
    def thumbnail(self, job: GenerationJob) -> SafeString:
        if not is_painted(job):
            return format_html(
                '<span class="no-picture"><span class="visually-hidden">{}</span></span>',
                _("no picture"),
            )
        scale = THUMBNAIL_SIDE / max(job.width, job.height)
        return format_html(
            '<img class="thumbnail" src="{}" alt="{}" width="{}" height="{}" loading="lazy">',
            reverse("admin:generation_generationjob_thumbnail", args=[job.pk]),
            Truncator(job.prompt).chars(80),
            round(job.width * scale),
            round(job.height * scale),
        )

    @admin.display(description=_("job"), ordering="id")
    def name(self, job: GenerationJob) -> SafeString:
        return format_html("<code>{}</code>", short_id(job))

    @admin.display(description=_("owner"))
    def whose(self, job: GenerationJob) -> str:
        return job.owner.get_username()

    @admin.display(description=_("status"))
    def state(self, job: GenerationJob) -> SafeString:
        word = job.get_status_display()
        if job.status == JobStatus.RUNNING and job.cancel_requested:
            word = TO_BE_CANCELLED
        return format_html('<span class="state state-{}">{}</span>', job.status, word)

    @admin.display(description=_("prompt"))
    def words(self, job: GenerationJob) -> str:
        return Truncator(job.prompt).chars(60)

    @admin.display(description=_("attempts"))
    def attempts(self, job: GenerationJob) -> int:
        return job.attempt

    @admin.display(description=_("steps"))
    def progress(self, job: GenerationJob) -> str:
        return f"{job.step}/{job.steps}"

    @admin.display(description=_("submitted"))
    def submitted(self, job: GenerationJob) -> str:
        return _short_time(job.created_at)

    @admin.display(description=_("ended"))
    def ended(self, job: GenerationJob) -> str:
        return _short_time(job.finished_at)

    @admin.display(description=_("marks"))
    def marks(self, job: GenerationJob) -> SafeString:
        known = (
            ("reviewed", job.reviewed_at, _("reviewed")),
            ("hidden", job.hidden_at, _("hidden")),
            ("batch", job.is_batch, _("no hurry")),
            ("short", job.adjustments, _("short of memory")),
        )
        found = [(kind, word) for kind, is_so, word in known if is_so]
        return format_html_join(" ", '<span class="mark mark-{}">{}</span>', found)

    @admin.display(description=_("id"))
    def identity(self, job: GenerationJob) -> SafeString:
        return format_html("<code>{}</code>", job.public_id)

    @admin.display(description=_("retries"))
    def relatives(self, job: GenerationJob) -> str:
        """Links to the job that this one repeats, and to the one that repeats it."""
        sentences = []
        if job.retry_of:
            sentences.append((gettext("This job retries {job}."), job.retry_of))
        if hasattr(job, "retried_as"):
            sentences.append((gettext("It was retried as {job}."), job.retried_as))
        linked = [(format_html(words, job=_link(other)),) for words, other in sentences]
        return format_html_join(" ", "{}", linked) or NOTHING

    @admin.display(description=_("size"))
    def size(self, job: GenerationJob) -> str:
        return f"{job.width} \N{MULTIPLICATION SIGN} {job.height}"

    @admin.display(description=_("reference"))
    def reference_name(self, job: GenerationJob) -> str:
        """Without its file, which lies in the same row."""
        reference = ReferenceImage.objects.filter(pk=job.reference_id)
        return reference.values_list("name", flat=True).first() or NOTHING

    @admin.display(description=_("changed for want of memory"))
    def adjusted(self, job: GenerationJob) -> str:
        sentences = [gettext(ADJUSTMENTS[code]) for code in known_adjustments(job.adjustments)]
        return " ".join(sentences) or NOTHING

    @admin.display(description=_("what its owner reads"))
    def error_sentence(self, job: GenerationJob) -> str:
        return gettext(failure_sentence(job.error_code)) if job.error_code else NOTHING


def _short_time(time: datetime | None) -> str:
    return date_format(localtime(time), "SHORT_DATETIME_FORMAT") if time else NOTHING


def _link(job: GenerationJob) -> SafeString:
    url = reverse("admin:generation_generationjob_change", args=[job.pk])
    return format_html('<a href="{}"><code>{}</code></a>', url, short_id(job))
