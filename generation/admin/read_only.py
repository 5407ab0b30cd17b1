"""What the operators' pages share."""

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.http import HttpRequest, HttpResponse


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that are shown and acted upon, never typed into."""

    show_full_result_count = False

    class Media:
        css = {"all": ["admin.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Answers 400 to a ticked row that cannot be, before a query is made of it."""
        try:
            for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(key.replace("\x00", "?"))
        except ValidationError as error:
            raise SuspiciousOperation("a ticked row that cannot be") from error
        return super().changelist_view(request, extra_context)

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
