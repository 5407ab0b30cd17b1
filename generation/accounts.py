"""Users from the command line."""

import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser

FIRST_USER = "imagen"
DEMO_USER = "demo"


def create_user(name: str, *, is_operator: bool = False) -> str:
    """Make a user with a drawn password and return the password, which cannot be read again.

    Raises ValidationError for a name that is taken or not allowed.
    """
    password = secrets.token_urlsafe(12)
    user = get_user_model()(username=name, is_staff=is_operator, is_superuser=is_operator)
    user.set_password(password)
    user.full_clean()
    user.save()
    return password


def get_or_create_demo_user() -> AbstractUser:
    """The user of `make demo`, who cannot log in and needs no password."""
    user, is_new = get_user_model().objects.get_or_create(username=DEMO_USER)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
