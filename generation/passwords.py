"""Links that set a new password once: sent by mail, or handed over by the operator."""

import logging
from threading import Thread
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)


def reset_url(user: AbstractBaseUser) -> str:
    """A link that dies when it is used, when the user signs in, and after a day.

    It names the site by IMAGEN_PUBLIC_URL: a request's Host is whatever its sender wrote.
    """
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return settings.IMAGEN_PUBLIC_URL + reverse("web:new-password", args=[uid, token])


def mail_reset_links(address: str) -> None:
    """Write to everybody who can sign in and has this address, in the language of the moment."""
    for user in PasswordResetForm().get_users(address):
        around = {
            "name": user.get_username(),
            "url": reset_url(user),
            "site": urlsplit(settings.IMAGEN_PUBLIC_URL).netloc,
            "hours": settings.PASSWORD_RESET_TIMEOUT // 3_600,
        }
        words = render_to_string("generation/accounts/reset_mail.txt", around)
        mail = EmailMessage(_("A new password for Imagen"), words, to=[user.email])
        # Aside: the time that the mail server takes would tell who has an account here.
        Thread(target=_send, args=(mail, user.pk)).start()


def _send(mail: EmailMessage, user_id: int) -> None:
    try:
        mail.send()
    except OSError:  # smtplib's errors are among them
        logger.exception("the mail with a link for user %s was not sent", user_id)
