"""Users and tokens from the command line."""

import io

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from tests.conftest import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def call(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_user_gets_a_password_that_works() -> None:
    password = call("create_user", "zoe").strip()
    user = authenticate(username="zoe", password=password)
    assert user
    assert not user.is_staff


def test_operator_may_enter_the_admin() -> None:
    password = call("create_user", "op", "--operator").strip()
    assert authenticate(username="op", password=password).is_superuser


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
