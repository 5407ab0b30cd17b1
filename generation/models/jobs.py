"""Jobs, what they follow and what they leave. Only jobs.transitions writes a job's status."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from generation.models.references import ReferenceImage
from generation.spec.formats import FORMATS, PNG, FileFormat
from generation.spec.request import GenerationRequest


class JobStatus(models.TextChoices):
    """Where a job stands; the last three are final."""

    QUEUED = "queued", _("in the queue")  # waits for a worker, perhaps again
    RUNNING = "running", _("painting")  # one worker holds the claim (id, attempt)
    SUCCEEDED = "succeeded", _("painted")  # the picture is stored
    FAILED = "failed", _("failed")  # error_code tells why
    CANCELLED = "cancelled", _("cancelled")  # its owner or an operator gave it up


PROMPT_WORDS = SearchVector("prompt", config="simple")
"""What the index of words holds; PostgreSQL uses it only for a search that is written so."""
FINAL_STATUSES = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


def _equivalent(one: Q, other: Q) -> Q:
    """A condition that holds where both hold or neither does."""
    return (one & other) | (~one & ~other)


class JobQuerySet(models.QuerySet["GenerationJob"]):
    """Reads of jobs."""

    def owned_by(self, user_id: int) -> "JobQuerySet":
        return self.filter(owner_id=user_id)

    def queued(self) -> "JobQuerySet":
        return self.filter(status=JobStatus.QUEUED)

    def final(self) -> "JobQuerySet":
        return self.filter(status__in=FINAL_STATUSES)

    def shown(self) -> "JobQuerySet":
        """Without those that an operator has hidden from their owners."""
        return self.filter(hidden_at__isnull=True)


class PreviewQuerySet(models.QuerySet["JobPreview"]):
    """Reads of previews."""

    def current(self, job: "GenerationJob") -> "PreviewQuerySet":
        """The job's preview, while the attempt that made it runs and its owner may see it."""
        shown = {"job__status": JobStatus.RUNNING, "job__hidden_at": None}
        return self.filter(job=job, attempt=F("job__attempt"), **shown)


class GenerationJob(models.Model):
    """One picture that somebody asked for: the order, its progress and its outcome.

    `id` is given under the queue's lock, so it grows in the order of acceptance, which is the order
    of service within an owner's jobs; it never leaves the server. `public_id` stands in every URL.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs", db_index=False
    )
    retry_of = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retried_as"
    )
    created_at = models.DateTimeField(db_default=Now())

    prompt = models.TextField()
    negative_prompt = models.TextField(blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    steps = models.PositiveIntegerField()
    guidance_scale = models.FloatField()
    seed = models.BigIntegerField()
    ip_strength = models.FloatField()
    reference = models.ForeignKey(
        ReferenceImage, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs"
    )
    profile = models.CharField(max_length=200)
    output_format = models.CharField(max_length=16, default=PNG.name, db_default=PNG.name)

    status = models.CharField(max_length=16, choices=JobStatus, default=JobStatus.QUEUED)
    step = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    not_before = models.DateTimeField(null=True, blank=True)
    # Nobody waits for it, so all who do go first.
    is_batch = models.BooleanField(default=False, db_default=False)

    attempt = models.PositiveIntegerField(default=0)
    oom_count = models.PositiveIntegerField(default=0)
    crash_count = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    worker_pid = models.PositiveIntegerField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    first_step_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)

    finished_at = models.DateTimeField(null=True, blank=True)
    output = models.ImageField(max_length=200, blank=True)
    public_filename = models.CharField(max_length=40, unique=True)
    # Codes of spec.adjustments: what little memory had changed.
    adjustments = ArrayField(models.CharField(max_length=40), default=list, db_default=[])
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)

    hidden_at = models.DateTimeField(null=True, blank=True)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    review_note = models.TextField(blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        indexes = (
            models.Index(fields=["id"], name="job_queued", condition=Q(status="queued")),
            models.Index(
                fields=["owner"], name="job_queued_by_owner", condition=Q(status="queued")
            ),
            # Not on heartbeat_at: a step would then write into every index of the table.
            models.Index(fields=["id"], name="job_running", condition=Q(status="running")),
            models.Index(fields=["owner", "-id"], name="job_by_owner"),
            models.Index(fields=["owner", "status", "-id"], name="job_by_owner_and_status"),
            GinIndex(PROMPT_WORDS, name="job_prompt_words"),
            models.Index(fields=["id"], name="job_hidden", condition=Q(hidden_at__isnull=False)),
            models.Index(
                fields=["id"], name="job_reviewed", condition=Q(reviewed_at__isnull=False)
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="job_status_is_known", condition=Q(status__in=JobStatus.values)
            ),
            models.CheckConstraint(
                name="job_step_within_steps", condition=Q(steps__gte=1, step__lte=F("steps"))
            ),
            models.CheckConstraint(
                name="job_output_means_succeeded",
                condition=_equivalent(Q(status="succeeded"), ~Q(output="")),
            ),
            models.CheckConstraint(
                name="job_error_code_means_failed",
                condition=_equivalent(Q(status="failed"), ~Q(error_code="")),
            ),
            models.CheckConstraint(
                name="job_finished_at_means_final",
                condition=_equivalent(Q(status__in=FINAL_STATUSES), Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="job_running_is_claimed",
                condition=~Q(status="running")
                | Q(
                    attempt__gte=1,
                    claimed_at__isnull=False,
                    heartbeat_at__isnull=False,
                    deadline_at__isnull=False,
                    worker_pid__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="job_request_in_bounds",
                condition=Q(width__gte=8, height__gte=8, seed__gte=0, seed__lt=2**53)
                & Q(guidance_scale__gte=0, guidance_scale__lte=100, steps__lte=1000)
                & Q(ip_strength__gte=0, ip_strength__lte=1),
            ),
            models.CheckConstraint(
                name="job_strength_means_reference",
                condition=_equivalent(Q(ip_strength__gt=0), Q(reference__isnull=False)),
            ),
            models.CheckConstraint(
                name="job_output_format_is_known", condition=Q(output_format__in=list(FORMATS))
            ),
        )

    def __str__(self) -> str:
        return f"{self.public_id} ({self.status})"

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture that its owner may see."""
        return self.status == JobStatus.SUCCEEDED and self.hidden_at is None

    @property
    def percent(self) -> int:
        """How much is painted: 100 only once every step is done."""
        return 100 * self.step // self.steps

    @property
    def request(self) -> GenerationRequest:
        """The order as it was accepted."""
        return GenerationRequest(
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            width=self.width,
            height=self.height,
            steps=self.steps,
            guidance_scale=self.guidance_scale,
            seed=self.seed,
            ip_strength=self.ip_strength,
            profile=self.profile,
            reference=self.reference_id or "",
            output_format=self.output_format,
        )

    @property
    def file_format(self) -> FileFormat:
        """How its picture is stored."""
        return FORMATS[self.output_format]

    @property
    def has_plain_format(self) -> bool:
        """Whether nobody asked for another format than the usual one."""
        return self.file_format == PNG


class JobPreview(models.Model):
    """What a running job's picture is going to be: one row, replaced, gone when the job ends."""

    job = models.OneToOneField(
        GenerationJob, on_delete=models.CASCADE, primary_key=True, related_name="preview"
    )
    attempt = models.PositiveIntegerField()
    step = models.PositiveIntegerField()
    image = models.BinaryField()
    updated_at = models.DateTimeField(db_default=Now())

    objects = PreviewQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.job_id} at step {self.step}"


class JobTransition(models.Model):
    """One move of a job, written by the statement that made it."""

    class Reason(models.TextChoices):
        """Why it moved; a failed job's is its error code."""

        SUBMITTED = "submitted", _("submitted")
        RETRIED = "retried", _("a failed or cancelled job was asked for again")
        CLAIMED = "claimed", _("a worker took it")
        PAINTED = "painted", _("the picture is stored")
        CANCEL_REQUESTED = "cancel_requested", _("its cancellation was asked for")
        OUT_OF_MEMORY = "out_of_memory", _("the memory was not enough; it waits and tries again")
        WORKER_STOPPED = "worker_stopped", _("its worker was stopped")
        WORKER_LOST = "worker_lost", _("its worker died or fell silent")

    job = models.ForeignKey(GenerationJob, on_delete=models.CASCADE, related_name="transitions")
    at = models.DateTimeField(db_default=Now())
    from_status = models.CharField(max_length=16, blank=True)  # empty: the job was new
    to_status = models.CharField(max_length=16)
    attempt = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    reason = models.CharField(max_length=40)
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        verbose_name = _("transition")
        verbose_name_plural = _("transitions")
        indexes = (models.Index(fields=["at"], name="transition_at"),)

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} -> {self.to_status} ({self.reason})"
