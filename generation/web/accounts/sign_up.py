"""Sign-up, as far as IMAGEN_SIGN_UP opens it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from generation.accounts import InvitationSpent, NameTaken, add_user
from generation.invitations import find_invitation
from generation.web.accounts import guard
from generation.web.accounts.forms import SignUpForm


@method_decorator((never_cache, sensitive_post_parameters()), name="dispatch")
class SignUp(guard.Refusing, FormView):
    """A new account: by invitation, or for everybody up to a limit an hour."""

    template_name = "generation/accounts/sign_up.html"
    form_class = SignUpForm

    def dispatch(self, request: HttpRequest, *args: Any, key: str = "", **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        self.invitation = find_invitation(key) if key else None
        is_open = settings.IMAGEN_SIGN_UP == "open"
        is_invited = settings.IMAGEN_SIGN_UP == "invite" and self.invitation is not None
        if not (is_open or is_invited):
            return self.refuse()
        return super().dispatch(request, *args, **kwargs)

    def get_success_url(self) -> str:
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        address = guard.client_address(self.request)
        if self.invitation is None and not guard.may_try("sign-up", address):
            return self.refuse_more(form)
        try:
            user = form.save(commit=False)
            add_user(user, self.invitation)
        except NameTaken as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        except InvitationSpent:
            return self.refuse()
        guard.let_in(self.request, user)
        return super().form_valid(form)

    def refuse(self) -> HttpResponse:
        """404: there is no such invitation, or no sign-up at all."""
        return render(self.request, "generation/accounts/no_sign_up.html", status=404)

    def refuse_more(self, form: SignUpForm) -> HttpResponse:
        form.add_error(None, _("Too many accounts were made from here. Try again in an hour."))
        return guard.in_an_hour(self.form_invalid(form))
