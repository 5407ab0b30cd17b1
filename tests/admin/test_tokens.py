"""Tokens are revoked here."""

import pytest

from generation.tokens import draw_token
from tests.admin.operators import act

pytestmark = pytest.mark.django_db


def test_tokens_are_revoked(operator, user) -> None:
    token, _key = draw_token(user.pk, "laptop")
    act(operator, "revoke_tokens", token, url="/admin/generation/apitoken/")
    token.refresh_from_db()
    assert token.revoked_at
    page = act(operator, "revoke_tokens", token, url="/admin/generation/apitoken/")
    assert "0 tokens revoked." in page.content.decode()
