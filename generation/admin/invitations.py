"""Invitations: drawn here, and withdrawn while nobody has used them."""

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from generation.admin.read_only import ReadOnlyAdmin
from generation.models import Invitation


class DrawForm(forms.ModelForm):
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
            return ("note",)
        return ("note", "inviter", "drawn", "state", "expires", "used", "guest")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Invitation | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def save_model(
        self, request: HttpRequest, obj: Invitation, form: object, change: object
    ) -> None:
        """Draw it and show its link, which cannot be read again."""
        from generation import invitations

        drawn, key = invitations.draw_invitation(note=obj.note, created_by_id=request.user.pk)
        obj.pk = drawn.pk
        self.message_user(request, _show_once(invitations.invitation_url(key)), messages.SUCCESS)

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


def _show_once(url: str) -> SafeString:
    return format_html(
        '{} <code class="once">{}</code>',
        _("Send this link; it opens one account and is shown this once:"),
        url,
    )
