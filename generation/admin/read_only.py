"""What the operators' pages share."""

from django.contrib import admin
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that are shown and acted upon, never typed into."""

    show_full_result_count = False

    class Media:
        css = {"all": ["admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """May act on rows by the buttons and actions of this page."""
        return request.user.has_perm(f"generation.change_{self.opts.model_name}")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"generation.delete_{self.opts.model_name}")
