"""Tokens: several a user, hashed, revocable, and both ways of sending one."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from generation.models import ApiToken
from generation.tokens import draw_token, revoke_token
from tests.conftest import ApiClient

pytestmark = pytest.mark.django_db

UNKNOWN = "/status/00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("keyword", ["Token", "Bearer", "token", "BEARER"])
def test_both_keywords_are_accepted(user, keyword) -> None:
    _token, key = draw_token(user.pk, "laptop")
    api = ApiClient(None)
    api.headers["Authorization"] = f"{keyword} {key}"
    assert api.get(UNKNOWN).status_code == 404


@pytest.mark.parametrize(
    "header", ["Token img_wrong", "Token", "Bearer  ", "Token \x7fé", "Basic YTpi", ""]
)
def test_wrong_credentials_are_401(anonymous_api, header) -> None:
    anonymous_api.headers["Authorization"] = header
    response = anonymous_api.get(UNKNOWN)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"
    assert response["Content-Type"] == "application/problem+json"


def test_text_of_a_token_is_stored_nowhere(user) -> None:
    token, key = draw_token(user.pk, "laptop")
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM generation_apitoken t")
        stored = str(cursor.fetchall())
    assert key not in stored
    assert token.prefix == key[:12]
    assert key.startswith("img_")


def test_revoked_token_ends_at_once_and_others_live(user) -> None:
    token, key = draw_token(user.pk, "old")
    _other, other_key = draw_token(user.pk, "new")
    assert ApiClient(key).get(UNKNOWN).status_code == 404
    assert revoke_token(token)
    assert not revoke_token(token)
    assert ApiClient(key).get(UNKNOWN).status_code == 401
    assert ApiClient(other_key).get(UNKNOWN).status_code == 404


def test_token_of_an_inactive_user_is_refused(user) -> None:
    _token, key = draw_token(user.pk, "laptop")
    user.is_active = False
    user.save(update_fields=["is_active"])
    assert ApiClient(key).get(UNKNOWN).status_code == 401


def test_last_use_is_noted_at_most_once_a_minute(user) -> None:
    token, key = draw_token(user.pk, "laptop")
    ApiClient(key).get(UNKNOWN)
    token.refresh_from_db()
    first = token.last_used_at
    ApiClient(key).get(UNKNOWN)
    token.refresh_from_db()
    assert token.last_used_at == first
    ApiToken.objects.update(last_used_at=Now() - timedelta(seconds=61))
    ApiClient(key).get(UNKNOWN)
    token.refresh_from_db()
    assert token.last_used_at > first
