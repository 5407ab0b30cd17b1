"""Invitations: drawn here, and withdrawn while nobody has used them."""

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from generation.admin.read_only import ReadOnlyAdmin
from generation.invitations import SignUpClosed, draw_invitation, invitation_url
from generation.models import Invitation

LAST_WISH = "last_invitation_wish"


class DrawForm(forms.ModelForm):
    """once: the wish; a page that is sent again carries the same."""

    once = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        labels = {"note": _("Note")}
        help_texts = {"note": _("For whom it is; only operators read this.")}


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    form = DrawForm
    fields = ("note",)
    list_display = ("__str__", "inviter", "drawn", "state", "expires", "used")
    list_select_related = ("created_by", "used_by")
    actions = ("withdraw",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generation.add_invitation")

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("note", "once")
        return ("note", "inviter", "drawn", "state", "expires", "used", "guest")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Invitation | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str]:
        return {"once": secrets.token_urlsafe(12)}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Draw one and show its link in this very answer: it is kept nowhere, not in a session.

        A page that is sent again by a reload carries the same wish, and gets no second invitation.
        """
        wish = request.POST.get("once", "")
        if wish and wish == request.session.get(LAST_WISH):
            return redirect("admin:generation_invitation_changelist")
        context = {"show_save_and_add_another": False, **(extra_context or {})}
        try:
            return super().add_view(request, form_url, context)
        except SignUpClosed as closed:
            self.message_user(request, gettext(closed.template), messages.ERROR)
            return redirect("admin:generation_invitation_changelist")

    def save_model(
        self, request: HttpRequest, obj: Invitation, form: forms.ModelForm, change: object
    ) -> None:
        drawn, obj.key = draw_invitation(note=obj.note, created_by_id=request.user.pk)
        obj.pk = drawn.pk
        request.session[LAST_WISH] = form.cleaned_data["once"]

    def response_add(
        self, request: HttpRequest, obj: Invitation, post_url_continue: object = None
    ) -> HttpResponse:
        """Whichever button was pressed."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The invitation is drawn"),
            "opts": self.opts,
            "media": self.media,
            "url": invitation_url(obj.key),
        }
        return TemplateResponse(request, "admin/generation/invitation/drawn.html", context)

    @admin.display(description=_("drawn by"))
    def inviter(self, invitation: Invitation) -> object:
        return invitation.created_by

    @admin.display(description=_("drawn"), ordering="created_at")
    def drawn(self, invitation: Invitation) -> object:
        return invitation.created_at

    @admin.display(description=_("state"))
    def state(self, invitation: Invitation) -> SafeString:
        if invitation.used_at:
            word, kind = _("used"), "succeeded"
        elif invitation.expires_at <= timezone.now():
            word, kind = _("expired"), "cancelled"
        else:
            word, kind = _("open"), "queued"
        return format_html('<span class="state state-{}">{}</span>', kind, word)

    @admin.display(description=_("expires"), ordering="expires_at")
    def expires(self, invitation: Invitation) -> object:
        return invitation.expires_at

    @admin.display(description=_("used"), ordering="used_at")
    def used(self, invitation: Invitation) -> object:
        return invitation.used_at

    @admin.display(description=_("used by"))
    def guest(self, invitation: Invitation) -> object:
        return invitation.used_by

    @admin.action(description=_("Withdraw the selected invitations"), permissions=["erase"])
    def withdraw(self, request: HttpRequest, invitations: QuerySet[Invitation]) -> None:
        """A used one stays, since it tells where a user came from."""
        withdrawn = 0
        for invitation in invitations:
            if Invitation.objects.filter(pk=invitation.pk, used_at__isnull=True).delete()[0]:
                withdrawn += 1
                self.log_deletions(request, [invitation])
        words = ngettext(
            "%(count)d invitation withdrawn.", "%(count)d invitations withdrawn.", withdrawn
        )
        self.message_user(request, words % {"count": withdrawn})
