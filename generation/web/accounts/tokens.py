"""The account page and its tokens."""

import secrets

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation.models import ApiToken
from generation.tokens import (
    MAX_LIVE,
    TooManyTokens,
    draw_token,
    live_tokens,
    revoke_token,
    wait_for_turn,
)
from generation.web.accounts.forms import TokenForm
from generation.web.buttons import by_button

LAST_WISH = "last_token_wish"
REFUSED = 400


@never_cache
@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    return _page(request, _new_form())


@never_cache
@login_required
def draw(request: HttpRequest) -> HttpResponse:
    """Make a token and show its key in this very answer: it is kept nowhere, not in a session.

    A page that is sent again by a reload carries the same wish, and gets neither token nor key.
    """
    if request.method != "POST":
        return redirect("web:account")
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=REFUSED)
    try:
        key = _draw_once(request, form.cleaned_data["name"], form.cleaned_data["once"])
    except TooManyTokens:
        limit = _("You have %(number)d tokens, which is the most. Revoke one first.")
        form.add_error("name", limit % {"number": MAX_LIVE})
        return _page(request, form, status=REFUSED)
    return _page(request, _new_form(), key=key) if key else redirect("web:account")


@never_cache
@login_required
@by_button("web:account")
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """End one's own token; a second click finds it ended, which is as good."""
    token = get_object_or_404(ApiToken, pk=token_id, user_id=request.user.pk)
    revoke_token(token)
    messages.success(request, _("“%(name)s” is revoked.") % {"name": token.name})
    return redirect("web:account")


@transaction.atomic
def _draw_once(request: HttpRequest, name: str, wish: str) -> str | None:
    """The key of a new token; None when this wish has been granted, perhaps a moment ago.

    Both are read and written under the user's lock: what this request knows of its session was
    read before its twin wrote.
    """
    wait_for_turn(request.user.pk)
    stored = type(request.session)(request.session.session_key)
    if wish and wish == stored.get(LAST_WISH):
        return None
    _token, key = draw_token(request.user.pk, name)
    request.session[LAST_WISH] = wish
    request.session.save()
    return key


def _new_form() -> TokenForm:
    return TokenForm(initial={"once": secrets.token_urlsafe(12)})


def _page(
    request: HttpRequest, form: TokenForm, *, key: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "key": key,
        "tokens": live_tokens(request.user.pk),
        "site": settings.IMAGEN_PUBLIC_URL,
    }
    return render(request, "generation/accounts/account.html", context, status=status)
