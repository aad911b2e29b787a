"""Mail servers: whether mail flows, in which workspace, and the server's words; read-only."""

from django.contrib import admin

from config.admin_base import ReadOnlyAdmin
from subscribers.models import MailFlow


@admin.register(MailFlow)
class MailFlowAdmin(ReadOnlyAdmin):
    when_empty = "No mail was sent yet."
    list_display = ("server", "workspace", "state", "failing_since", "error", "last_sent_at")
    list_select_related = ("workspace",)
    fields = (
        "server", "workspace", "state", "failing_since", "last_failed_at", "failures", "error",
        "last_sent_at",
    )  # fmt: skip
    readonly_fields = ("state",)

    @admin.display(description="state")
    def state(self, row: MailFlow) -> str:
        return row.get_kind_display()
