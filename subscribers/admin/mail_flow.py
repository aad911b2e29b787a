"""Mail servers: whether mail flows, in which workspace, and the server's words; read-only."""

from django.contrib import admin

from config.admin_base import ReadOnlyAdmin
from subscribers.models import MailFlow


@admin.register(MailFlow)
class MailFlowAdmin(ReadOnlyAdmin):
    when_empty = "No mail was tried yet."
    list_display = ("server", "workspace", "kind", "failing_since", "error", "last_sent_at")
    list_select_related = ("workspace",)
    fields = (
        "server", "workspace", "kind", "failing_since", "last_failed_at", "failures", "error",
        "last_sent_at",
    )  # fmt: skip
