"""Reference pictures that users sent: kept for them alone, the newest dozen of each."""

import hashlib

from django.db import transaction

from generation.jobs import references
from generation.models import ReferenceImage, UploadedReference

MAX_KEPT = 12


def keep_upload(owner_id: int, name: str, png: bytes) -> UploadedReference:
    """Keep a picture for its sender; the same one again is the one that is there.

    Beyond MAX_KEPT the oldest goes. Jobs keep the reference that they were given.
    """
    digest = hashlib.sha256(png).hexdigest()
    with transaction.atomic():
        while not references.hold(digest):
            ReferenceImage.objects.get_or_create(
                digest=digest, defaults={"name": name[:200], "file": png}
            )
        upload, _is_new = UploadedReference.objects.get_or_create(
            owner_id=owner_id, reference_id=digest, defaults={"name": name[:200]}
        )
    # Each in a transaction of its own: two that hold several pictures might wait for each other.
    for old in uploads_of(owner_id)[MAX_KEPT:]:
        discard_upload(old)
    return upload


def uploads_of(owner_id: int) -> list[UploadedReference]:
    """This user's pictures, the newest first; their files are not read."""
    return list(UploadedReference.objects.filter(owner_id=owner_id))


def discard_upload(upload: UploadedReference) -> None:
    """Forget an upload, and its picture where no job and nobody else has it."""
    with transaction.atomic():
        upload.delete()
        references.discard_unused(upload.reference_id)
