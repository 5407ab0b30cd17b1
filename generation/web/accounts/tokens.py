"""The account page and its tokens."""

import secrets

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from generation.models import ApiToken
from generation.tokens import MAX_LIVE, TooManyTokens, draw_token, live_tokens, revoke_token
from generation.web.accounts.forms import TokenForm

LAST_WISH = "last_token_wish"


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
    form = TokenForm(request.POST)
    wish = request.POST.get("once", "")
    if request.method != "POST" or (wish and wish == request.session.get(LAST_WISH)):
        return redirect("web:account")
    if not form.is_valid():
        return _page(request, form)
    try:
        _token, key = draw_token(request.user.pk, form.cleaned_data["name"])
    except TooManyTokens:
        limit = _("You have %(number)d tokens, which is the most. Revoke one first.")
        form.add_error("name", limit % {"number": MAX_LIVE})
        return _page(request, form)
    request.session[LAST_WISH] = wish
    return _page(request, _new_form(), key=key)


@never_cache
@login_required
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """End one's own token; a second click finds it ended, which is as good."""
    token = get_object_or_404(ApiToken, pk=token_id, user_id=request.user.pk)
    revoke_token(token)
    messages.success(request, _("“%(name)s” is revoked.") % {"name": token.name})
    return redirect("web:account")


def _new_form() -> TokenForm:
    return TokenForm(initial={"once": secrets.token_urlsafe(12)})


def _page(request: HttpRequest, form: TokenForm, key: str = "") -> HttpResponse:
    context = {
        "form": form,
        "key": key,
        "tokens": live_tokens(request.user.pk),
        "site": settings.IMAGEN_PUBLIC_URL,
    }
    return render(request, "generation/accounts/account.html", context)
