"""Event definitions: the first event of a name makes one; they are hidden, never deleted."""

from collections.abc import Sequence
from datetime import timedelta

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import list_url, word_when
from config.admin_numbers import NumbersAdmin
from events.models import Event, EventDefinition, SyncRule
from events.services.counts import event_numbers


@admin.register(EventDefinition)
class EventDefinitionAdmin(NumbersAdmin):
    list_display = (
        "name", "in_day", "in_month", "last_seen", "workspace", word_when("is_hidden", "Hidden"),
        "created_at",
    )  # fmt: skip
    list_select_related = ("workspace",)
    list_filter = ("workspace", "is_hidden")
    search_fields = ("name",)
    search_help_text = "Name, from its beginning"
    fields = ("name", "workspace", "is_hidden", "events", "created_at")
    readonly_fields = ("name", "workspace", "events", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def add_numbers(self, rows: Sequence[EventDefinition]) -> None:
        found = event_numbers.came(definition_ids=[row.pk for row in rows], now=timezone.now())
        for row in rows:
            row.came = found.get(row.pk, event_numbers.NEVER)  # type: ignore[attr-defined]

    @admin.display(description="last 24 hours")
    def in_day(self, definition: EventDefinition) -> str:
        return f"{definition.came.in_day:,}"  # type: ignore[attr-defined]

    @admin.display(description="last 30 days")
    def in_month(self, definition: EventDefinition) -> str:
        return f"{definition.came.in_month:,}"  # type: ignore[attr-defined]

    @admin.display(description="last seen", empty_value="")
    def last_seen(self, definition: EventDefinition) -> str:
        """The day, in UTC as it is counted."""
        day = definition.came.last_day  # type: ignore[attr-defined]
        today = timezone.now().date()
        if day is None or day == today:
            return "today" if day else ""
        return "yesterday" if day == today - timedelta(days=1) else date_format(day)

    @admin.display(description="events and rules")
    def events(self, definition: EventDefinition) -> SafeString:
        return format_html(
            '<a href="{}">Events</a> · <a href="{}">Sync rules</a>',
            list_url(Event, definition__id__exact=definition.pk),
            list_url(SyncRule, q=definition.name),
        )
