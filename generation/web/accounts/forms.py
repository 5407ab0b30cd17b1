"""What people type at the gate and on their account page."""

from django import forms
from django.conf import settings
from django.contrib.auth import forms as auth
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from generation.models import ApiToken
from generation.web.accounts.guard import client_address, one_at_a_time


class Dressed:
    """Mixin: widgets in the style sheet's dress, the passwords' rules as one hint."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "input"
            field.widget.attrs.pop("autofocus", None)
            if name.endswith("password1"):
                field.help_text = " ".join(password_validators_help_texts())
            elif name.endswith("password2"):
                field.label, field.help_text = _("The same once more"), ""


class SignInForm(auth.AuthenticationForm):
    """Name and password; refused names are counted by axes."""

    stay = forms.BooleanField(required=False)

    def clean(self) -> dict[str, object]:
        name = self.cleaned_data.get("username", "")
        with one_at_a_time(name, client_address(self.request)):
            try:
                return super().clean()
            except ValidationError as error:
                refusal = error
        raise refusal  # out here: it would undo what axes has just counted


class SignUpForm(Dressed, auth.UserCreationForm):
    """A new person. An address is asked for only where mails are sent."""

    class Meta:
        model = get_user_model()
        fields = ("username", "email")
        labels = {"username": _("Name"), "email": _("E-mail, if you like")}
        help_texts = {
            "username": _("Letters, digits and @ . + - _"),
            "email": _("Only for a new password, should you forget yours."),
        }
        error_messages = {"username": {"unique": _("This name is taken. Choose another.")}}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not settings.IMAGEN_MAIL:
            del self.fields["email"]


class AddressForm(Dressed, forms.Form):
    """Where a link is to be sent."""

    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class NewPasswordForm(Dressed, auth.SetPasswordForm):
    """A new password, for whoever holds a link."""


class ChangePasswordForm(Dressed, auth.PasswordChangeForm):
    """A new password, for whoever knows the old one."""


class TokenForm(Dressed, forms.ModelForm):
    """A new token's name. `once` tells a page that is sent again from a second wish."""

    once = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    class Meta:
        model = ApiToken
        fields = ("name",)
        labels = {"name": _("Name of the new token")}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["name"]
        name.widget.attrs |= {"class": "input input--grow", "placeholder": name.label}
