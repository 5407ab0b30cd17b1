"""Pictures whose style others may follow."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


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


class UploadedReference(models.Model):
    """A reference picture that a user sent, for this user's eyes only."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads"
    )
    reference = models.ForeignKey(ReferenceImage, on_delete=models.PROTECT, related_name="uploads")
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["owner", "reference"], name="upload_once_a_user"),
        )

    def __str__(self) -> str:
        return self.name
