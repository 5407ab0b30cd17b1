"""How the service works: its workers, its pauses, whose turn it is, and how long painting takes."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Worker(models.Model):
    """A supervisor's sign of life: one row a worker, renewed every few seconds.

    What it paints stands in the jobs; a worker without a recent sign has gone quiet.
    """

    name = models.CharField(max_length=200, primary_key=True)  # as jobs name it
    host = models.CharField(max_length=200)
    device = models.CharField(max_length=200)
    profile = models.CharField(max_length=200)  # of a job that names none
    profiles = ArrayField(  # all it can serve
        models.CharField(max_length=200), default=list, db_default=[]
    )
    version = models.CharField(max_length=40)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True, blank=True)
    loading_since = models.DateTimeField(null=True, blank=True)  # a model, without a job
    draining_since = models.DateTimeField(null=True, blank=True)  # takes no more jobs
    drained_at = models.DateTimeField(null=True, blank=True)  # its cluster has ended
    memory_plan = models.CharField(max_length=40, blank=True, db_default="")  # on a card
    memory_gib = models.FloatField(default=0, db_default=0)  # that the card had free
    ended_pid = models.PositiveIntegerField(null=True, blank=True)  # to make room for a fresh one
    lock = models.CharField(max_length=500, blank=True, db_default="")  # its device's, on its host
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return self.name


class PauseQuerySet(models.QuerySet["Pause"]):
    """Reads of pauses."""

    def current(self) -> "PauseQuerySet":
        """Those in force."""
        return self.filter(ended_at__isnull=True)


class Pause(models.Model):
    """A time in which one worker, or none at all, took new jobs: who wanted it, and why."""

    worker = models.CharField(max_length=200, blank=True)  # by name; empty: the whole queue
    reason = models.CharField(max_length=300)  # users read it
    began_at = models.DateTimeField(db_default=Now())
    began_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )

    objects = PauseQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        constraints = (
            models.UniqueConstraint(
                fields=["worker"], name="pause_once_at_a_time", condition=Q(ended_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.worker or 'queue'}: {self.reason}"


class OwnerTurn(models.Model):
    """When a job of this user was last begun: who waits longest since is served next."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    served_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.owner_id} at {self.served_at}"


class PaintingTime(models.Model):
    """How long pictures of one kind took lately, from claim to stored file."""

    KEPT = 32
    """How many durations are kept of each kind, the newest last."""
    KINDS = 200
    """How many kinds of a profile are kept: those that were painted most, and then last."""

    profile = models.CharField(max_length=200)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    steps = models.PositiveIntegerField()
    has_reference = models.BooleanField()
    has_guidance = models.BooleanField(default=True, db_default=True)
    prompt_size = models.PositiveSmallIntegerField(default=0, db_default=0)  # see jobs.kinds
    seconds = ArrayField(models.FloatField())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=[
                    "profile",
                    "width",
                    "height",
                    "steps",
                    "has_reference",
                    "has_guidance",
                    "prompt_size",
                ],
                name="painting_time_once_a_kind",
            ),
        )
        indexes = (models.Index(fields=["profile", "-updated_at"], name="painting_time_newest"),)

    def __str__(self) -> str:
        return f"{self.profile} {self.width}x{self.height}, {self.steps} steps"
