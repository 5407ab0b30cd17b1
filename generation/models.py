"""Rows and their constraints. Only jobs.transitions writes a job's status."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from generation.spec.request import GenerationRequest


class JobStatus(models.TextChoices):
    """Where a job stands; the last three are final."""

    QUEUED = "queued", "Queued"  # waits for a worker, perhaps again
    RUNNING = "running", "Running"  # one worker holds the claim (id, attempt)
    SUCCEEDED = "succeeded", "Succeeded"  # the picture is stored
    FAILED = "failed", "Failed"  # error_code tells why
    CANCELLED = "cancelled", "Cancelled"  # its owner or an operator gave it up


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


class ReferenceImage(models.Model):
    """A picture whose style others may follow, kept as it was when the first job asked for it.

    The file lies in its row, so that each host's workers find it and a backup has it whole.
    """

    digest = models.CharField(max_length=64, primary_key=True)  # SHA-256 of the file
    name = models.CharField(max_length=200)
    file = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:8]})"


class GenerationJob(models.Model):
    """One picture that somebody asked for: the order, its progress and its outcome.

    `id` is given under the queue's lock, so it grows in the order of acceptance and is the
    order of service; it never leaves the server. `public_id` stands in every URL.
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

    status = models.CharField(max_length=16, choices=JobStatus, default=JobStatus.QUEUED)
    step = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    not_before = models.DateTimeField(null=True, blank=True)

    attempt = models.PositiveIntegerField(default=0)
    oom_count = models.PositiveIntegerField(default=0)
    crash_count = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    worker_pid = models.PositiveIntegerField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)

    finished_at = models.DateTimeField(null=True, blank=True)
    output = models.ImageField(max_length=200, blank=True)
    public_filename = models.CharField(max_length=40, unique=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["id"], name="job_queued", condition=Q(status="queued")),
            models.Index(
                fields=["owner"], name="job_queued_by_owner", condition=Q(status="queued")
            ),
            models.Index(
                fields=["heartbeat_at"], name="job_running", condition=Q(status="running")
            ),
            models.Index(fields=["owner", "-id"], name="job_by_owner"),
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
        )

    def __str__(self) -> str:
        return f"{self.public_id} ({self.status})"

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
        )


class JobPreview(models.Model):
    """What a running job's picture is going to be: one row, replaced, gone when the job ends."""

    job = models.OneToOneField(
        GenerationJob, on_delete=models.CASCADE, primary_key=True, related_name="preview"
    )
    attempt = models.PositiveIntegerField()
    step = models.PositiveIntegerField()
    image = models.BinaryField()
    updated_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.job_id} at step {self.step}"


class ApiToken(models.Model):
    """A program's key. Only the SHA-256 of its 256 random bits is kept; the prefix names it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
