"""What is owed to events: effects that failed and are tried again; read-only.

The worker removes those that succeeded.
"""

from django.contrib import admin
from django.utils.safestring import SafeString

from config.admin_base import ReadOnlyAdmin, link_to
from config.admin_filters import FilteredAdmin, between
from events.models import FailedStage


@admin.register(FailedStage)
class FailedStageAdmin(ReadOnlyAdmin, FilteredAdmin):
    when_empty = "No effect of an event has failed."
    list_display = ("stage", "event_link", "attempts", "failed_at", "next_attempt_at")
    list_select_related = ("event", "event__definition")
    list_filter = ("stage", "workspace", *between("failed_at"))
    fields = (
        "stage", "event_link", "attempts", "last_error", "failed_at", "next_attempt_at",
        "workspace",
    )  # fmt: skip
    readonly_fields = ("event_link",)

    def heading(self, failed: FailedStage) -> str:
        return f"{failed} of {failed.event.definition}"

    @admin.display(description="event")
    def event_link(self, failed: FailedStage) -> SafeString:
        return link_to(failed.event, failed.event.definition.name)
