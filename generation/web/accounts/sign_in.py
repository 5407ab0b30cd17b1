"""The one guarded door, for users and operators, and the way out."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from generation.web.accounts import guard
from generation.web.accounts.forms import SignInForm


class SignIn(guard.Refusing, LoginView):
    """Name and password; whoever is signed in already is sent on."""

    template_name = "generation/accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        address = guard.client_address(request)
        if guard.may_try("sign in", address, guard.SIGN_INS_AN_HOUR):
            return super().post(request, *args, **kwargs)
        form = SignInForm(request, initial={"username": request.POST.get("username", "")})
        context = self.get_context_data(form=form, crowded=guard.in_words(guard.HOUR_S))
        return guard.in_an_hour(self.render_to_response(context))

    def form_valid(self, form: SignInForm) -> HttpResponse:
        guard.let_in(self.request, form.get_user(), stay=form.cleaned_data["stay"])
        return HttpResponseRedirect(self.get_success_url())

    def get_redirect_url(self) -> str:
        """`next`, if it is of this site and not this very page, which would send in a circle."""
        target = super().get_redirect_url()
        return "" if urlsplit(target).path == self.request.path else target

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        more = {
            "tries": settings.IMAGEN_SIGN_IN_TRIES,
            "pause": guard.in_words(settings.IMAGEN_SIGN_IN_PAUSE),
            "sign_up": settings.IMAGEN_SIGN_UP,
        }
        return super().get_context_data(**more, **kwargs)


class SignOut(LogoutView):
    """Ends the session; by POST alone, so that no link and no picture can do it."""


def operators_door(request: HttpRequest) -> HttpResponse:
    """In place of the admin's own sign-in."""
    if request.user.is_authenticated and not admin.site.has_permission(request):
        raise PermissionDenied
    return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME, reverse("admin:index")))


def sign_in_rests(request: HttpRequest, *_axes: object) -> HttpResponse:
    """axes' answer after too many tries: the same page, and when to come back.

    axes passes other arguments under ASGI than under WSGI, so none is read.
    """
    name = (request.axes_credentials or {}).get("username") or ""
    seconds = guard.sign_in_rests_for(name, guard.client_address(request))
    view = SignIn()
    view.setup(request)
    context = view.get_context_data(
        form=SignInForm(request, initial={"username": name}), rests=guard.in_words(seconds)
    )
    response = view.render_to_response(
        context, status=429, headers={"Retry-After": str(seconds)}
    ).render()
    add_never_cache_headers(response)
    return response
