"""New users: from the command line and from sign-up."""

import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from generation.invitations import use_invitation
from generation.models import Invitation

FIRST_USER = "imagen"
DEMO_USER = "demo"
NAMES_LOCK = 0x6E616D6573  # "names"; held by everybody who adds a user, until it is committed


class NameTaken(ValidationError):
    """Somebody has this name, perhaps in other capitals."""

    def __init__(self) -> None:
        super().__init__({"username": _("This name is taken. Choose another.")})


class InvitationSpent(Exception):
    """The invitation was used or grew too old in the meantime."""


def create_user(name: str, *, is_operator: bool = False) -> str:
    """Make a user with a drawn password and return the password, which cannot be read again.

    Raises ValidationError for a name that is taken or not allowed.
    """
    password = secrets.token_urlsafe(12)
    user = get_user_model()(username=name, is_staff=is_operator, is_superuser=is_operator)
    user.set_password(password)
    user.full_clean()
    add_user(user)
    return password


@transaction.atomic
def add_user(user: AbstractUser, invitation: Invitation | None = None) -> None:
    """Save a new user and use up the invitation, both or neither.

    Raises NameTaken or InvitationSpent. Names that differ only in capitals count as one, which
    Django's own index does not know.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NAMES_LOCK])
    if get_user_model().objects.filter(username__iexact=user.get_username()).exists():
        raise NameTaken
    user.save()
    if invitation is not None and not use_invitation(invitation, user):
        raise InvitationSpent


def get_or_create_demo_user() -> AbstractUser:
    """The user of `make demo`, who cannot log in and needs no password."""
    user, is_new = get_user_model().objects.get_or_create(username=DEMO_USER)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
