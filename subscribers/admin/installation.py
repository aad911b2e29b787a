"""The installation: whether it is a restored copy on hold, and the action that resumes it."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern

from config.admin_base import ReadOnlyAdmin, RowAction
from subscribers.models import Installation
from subscribers.services.workspaces import installation

RESUME = RowAction(
    name="resume",
    label="Resume",
    explanation="Mails and webhooks that are due go out at once. First cancel in Outbox and "
    "Enrollments what must not be sent again.",
    is_dangerous=True,
)


@admin.register(Installation)
class InstallationAdmin(ReadOnlyAdmin):
    when_empty = "The worker notes here when this is a restored copy on hold. It has not run yet."
    list_display = ("__str__", "on_hold_since", "created_at")
    fields = ("on_hold_since", "created_at")

    def row_actions(self, request: HttpRequest, row: Installation) -> Sequence[RowAction]:
        return [RESUME] if row.on_hold_since else []

    def action_urls(self) -> list[URLPattern]:
        return [self.action_url(RESUME.name, self.resume)]

    def resume(self, request: HttpRequest, row: Installation) -> None:
        if installation.resume():
            self.tell_done(request, row, "Resumed", said="Resumed: due work goes out now.")
