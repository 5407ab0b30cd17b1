"""Who asks: the owner of a token."""

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from generation import tokens
from generation.models import ApiToken

KEYWORDS = ("token", "bearer")


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token img_…` or `Bearer img_…`; a request without either is anonymous."""

    def authenticate(self, request: Request) -> tuple[object, ApiToken] | None:
        keyword, _space, key = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() not in KEYWORDS:
            return None
        token = tokens.find_token(key.strip())
        if token is None:
            raise AuthenticationFailed(
                _("The token is unknown or was revoked. Make one on the account page.")
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"
