"""API tokens: whose they are and when they were used; revoked here, drawn elsewhere."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from generation.admin.read_only import ReadOnlyAdmin
from generation.models import ApiToken
from generation.tokens import revoke_token


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("label", "whose", "start", "drawn", "last_used", "revoked")
    list_select_related = ("user",)
    fields = ("label", "whose", "start", "drawn", "last_used", "revoked")
    actions = ("revoke_tokens",)

    @admin.display(description=_("name"), ordering="name")
    def label(self, token: ApiToken) -> str:
        return token.name

    @admin.display(description=_("user"), ordering="user__username")
    def whose(self, token: ApiToken) -> str:
        return token.user.get_username()

    @admin.display(description=_("begins with"))
    def start(self, token: ApiToken) -> str:
        return f"{token.prefix}…"

    @admin.display(description=_("drawn"), ordering="created_at")
    def drawn(self, token: ApiToken) -> object:
        return token.created_at

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_used(self, token: ApiToken) -> object:
        return token.last_used_at

    @admin.display(description=_("revoked"), ordering="revoked_at")
    def revoked(self, token: ApiToken) -> object:
        return token.revoked_at

    @admin.action(description=_("Revoke the selected tokens"), permissions=["operate"])
    def revoke_tokens(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        revoked = 0
        for token in tokens:
            if revoke_token(token):
                revoked += 1
                self.log_change(request, token, _("Revoked."))
        words = ngettext("%(count)d token revoked.", "%(count)d tokens revoked.", revoked)
        self.message_user(request, words % {"count": revoked})
