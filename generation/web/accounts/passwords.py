"""Forgotten, new and changed passwords."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import FormView

from generation.passwords import mail_reset_links
from generation.web.accounts import guard
from generation.web.accounts.forms import AddressForm, ChangePasswordForm, NewPasswordForm


@method_decorator(never_cache, name="dispatch")
class ForgottenPassword(guard.Refusing, FormView):
    """Sends a link, and answers the same whether anybody has the address."""

    template_name = "generation/accounts/forgotten_password.html"
    form_class = AddressForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        more = {"has_mail": bool(settings.IMAGEN_MAIL), "is_sent": "sent" in self.request.GET}
        return super().get_context_data(**more, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().post(request, *args, **kwargs) if settings.IMAGEN_MAIL else self.get(request)

    def form_valid(self, form: AddressForm) -> HttpResponse:
        if not guard.may_try("mail from", guard.client_address(self.request)):
            return self.refuse_more(form)
        address = form.cleaned_data["email"]
        # Beyond the limit nothing is sent and nothing told: no mailbox is flooded from many sides.
        if guard.may_try("mail to", address.casefold()):
            mail_reset_links(address)
        return redirect(f"{self.request.path}?sent")

    def refuse_more(self, form: AddressForm) -> HttpResponse:
        form.add_error(None, _("Too many mails were asked for from here. Try again in an hour."))
        return guard.in_an_hour(self.form_invalid(form))


class NewPassword(guard.Refusing, views.PasswordResetConfirmView):
    """The page behind a link: the new password, and straight in."""

    template_name = "generation/accounts/new_password.html"
    form_class = NewPasswordForm

    def get_success_url(self) -> str:
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def get_user(self, uidb64: str) -> AbstractBaseUser | None:
        user = super().get_user(uidb64)
        return user if user and user.is_active else None

    def form_valid(self, form: NewPasswordForm) -> HttpResponse:
        response = super().form_valid(form)
        guard.let_in(self.request, self.user)
        messages.success(self.request, _("Your new password is set."))
        return response

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if not self.validlink:
            kwargs["status"] = 404
        return super().render_to_response(context, **kwargs)


@method_decorator(never_cache, name="dispatch")
class ChangePassword(guard.Refusing, views.PasswordChangeView):
    """Asks for the old password, keeps this session and ends all others."""

    template_name = "generation/accounts/change_password.html"
    form_class = ChangePasswordForm
    success_url = reverse_lazy("web:account")

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if guard.may_try("old password", str(request.user.pk)):
            return super().post(request, *args, **kwargs)
        messages.warning(request, _("Too many attempts. Try again in an hour."))
        form = self.form_class(user=request.user)
        return guard.in_an_hour(self.render_to_response(self.get_context_data(form=form)))

    def form_valid(self, form: ChangePasswordForm) -> HttpResponse:
        messages.success(self.request, _("Your new password is set. Other devices must sign in."))
        return super().form_valid(form)
