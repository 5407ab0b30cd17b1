"""Users and tokens from the command line."""

import io

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractBaseUser
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from generation.models import Invitation
from tests import factories
from tests.conftest import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def call(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def log_in(name: str, password: str) -> AbstractBaseUser | None:
    """As a browser would: axes asks who it is."""
    return authenticate(RequestFactory().post("/sign-in"), username=name, password=password)


def test_user_gets_a_password_that_works() -> None:
    password = call("create_user", "zoe").strip()
    user = log_in("zoe", password)
    assert user
    assert not user.is_staff


def test_operator_may_enter_the_admin() -> None:
    password = call("create_user", "op", "--operator").strip()
    assert log_in("op", password).is_superuser


def test_token_works_and_several_live_side_by_side() -> None:
    call("create_user", "zoe")
    keys = [call("create_token", "zoe").strip(), call("create_token", "zoe", "--label=b").strip()]
    for key in keys:
        unknown = "/status/00000000-0000-4000-8000-000000000000"
        assert ApiClient(key).get(unknown).status_code == 404


@pytest.mark.parametrize("name", ["zoe", "a b c", ""])
def test_impossible_names_are_refused_with_the_reason(name) -> None:
    call("create_user", "zoe")
    with pytest.raises(CommandError, match="cannot be a user's name"):
        call("create_user", name)


def test_token_of_nobody_names_the_remedy() -> None:
    with pytest.raises(CommandError, match="create_user nobody"):
        call("create_token", "nobody")


def test_name_in_other_capitals_is_refused() -> None:
    call("create_user", "zoe")
    with pytest.raises(CommandError, match="taken"):
        call("create_user", "Zoe")


def test_invite_prints_a_link_that_works(settings, client) -> None:
    settings.IMAGEN_SIGN_UP = "invite"
    url = call("invite", "--note", "for zoe", "--days", "3").strip()
    assert url.startswith(f"{settings.IMAGEN_PUBLIC_URL}/sign-up/")
    assert client.get(url.removeprefix(settings.IMAGEN_PUBLIC_URL)).status_code == 200
    assert Invitation.objects.get().note == "for zoe"


@pytest.mark.parametrize("options", [["--days", "0"], ["--days", "366"], ["--note", "x" * 201]])
def test_invite_refuses_what_makes_no_sense(settings, options) -> None:
    settings.IMAGEN_SIGN_UP = "invite"
    with pytest.raises(CommandError, match=options[0]):
        call("invite", *options)


def test_invite_tells_that_nobody_can_sign_up() -> None:
    with pytest.raises(CommandError, match="IMAGEN_SIGN_UP=invite"):
        call("invite")


def test_reset_password_prints_a_link_that_works(settings, client) -> None:
    call("create_user", "zoe")
    url = call("reset_password", "zoe").strip()
    assert url.startswith(f"{settings.IMAGEN_PUBLIC_URL}/new-password/")
    assert client.get(url.removeprefix(settings.IMAGEN_PUBLIC_URL)).status_code == 302


@pytest.mark.parametrize("name", ["nobody", "idle"])
def test_reset_password_is_for_those_who_may_sign_in(name) -> None:
    factories.make_user("idle", is_active=False)
    with pytest.raises(CommandError, match="no active user"):
        call("reset_password", name)
