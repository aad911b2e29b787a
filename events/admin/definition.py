"""Event definitions: the first event of a name makes one; they are hidden, never deleted.

The page shows how often it comes, its newest events, their properties, and what uses it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config import charts
from config.admin_base import RowForm, list_url, word_when
from config.admin_numbers import NumbersAdmin
from config.readable import moment
from events.models import Event, EventDefinition, SyncRule
from events.services.counts import event_numbers, volume
from events.services.counts.volume import Span
from events.services.sequences import event_uses, learnt_paths

SPANS = {Span.DAY: "24 hours", Span.MONTH: "30 days", Span.QUARTER: "90 days"}
NEWEST = 10
MOST_RULES = 50


class DefinitionForm(RowForm):
    class Meta:
        labels: ClassVar = {"is_hidden": "Hidden"}


@admin.register(EventDefinition)
class EventDefinitionAdmin(NumbersAdmin):
    form = DefinitionForm
    when_empty = "No event was received yet. The first event of a name makes its definition."
    list_display = (
        "name", "in_day", "in_month", "last_seen", "workspace", word_when("is_hidden", "Hidden"),
        "created_at",
    )  # fmt: skip
    list_select_related = ("workspace",)
    list_filter = ("workspace", "is_hidden")
    search_fields = ("name",)
    search_help_text = "Name, from its beginning"
    change_form_outer_before_template = "admin/event_definition.html"
    change_form_outer_after_template = "admin/copy_paths.html"
    fields = ("name", "workspace", "is_hidden", "created_at")
    readonly_fields = ("name", "workspace", "created_at")

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

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        definition = kwargs.get("obj")
        if definition:
            chosen = request.GET.get("span", "")
            span = Span(chosen) if chosen in set(Span) else Span.MONTH
            context["spans"] = [(each.value, words, each is span) for each, words in SPANS.items()]
            context["chart"] = _chart(definition, span)
            if request.user.has_perm("events.view_event"):
                context |= _of_events(definition)
            if request.user.has_perm("events.view_sequence"):
                context["uses"] = event_uses.find(
                    workspace_id=definition.workspace_id, name=definition.name
                )
            if request.user.has_perm("events.view_syncrule"):
                context["rules"] = _rules(definition)
        return super().render_change_form(request, context, *args, **kwargs)


def _chart(definition: EventDefinition, span: Span) -> Any:  # noqa: ANN401 - safe HTML
    buckets = volume.volume(definition=definition, span=span, now=timezone.now())
    is_hours = span is Span.DAY
    total = sum(each.count for each in buckets)
    times = "time" if total == 1 else "times"
    unit = "by hour of receipt" if is_hours else "by day of occurrence, in UTC"
    return charts.draw(
        title=f"Came {total:,} {times} in {SPANS[span]}, {unit}",
        labels=[
            f"{timezone.localtime(each.starts_at):%H:%M}"
            if is_hours
            else f"{each.starts_at:%-d %b}"
            for each in buckets
        ],
        columns=[charts.Series(name="events", values=[each.count for each in buckets])],
    )


def _of_events(definition: EventDefinition) -> dict[str, Any]:
    """Return what the events themselves tell: the first and newest ones, and their paths."""
    events = Event.objects.filter(definition=definition).defer("properties", "effects")
    newest = events.select_related("subscriber").order_by("-occurred_at", "-id")[:NEWEST]
    first = events.order_by("occurred_at", "id").first()
    rows = list(newest)
    return {
        "newest": rows,
        "first_seen": moment(first.occurred_at) if first else "",
        "last_seen": moment(rows[0].occurred_at) if rows else "",
        "learnt": learnt_paths.paths_of(definition=definition),
        "events_address": list_url(Event, definition__id__exact=definition.pk),
    }


def _rules(definition: EventDefinition) -> list[SyncRule]:
    rules = SyncRule.objects.filter(
        workspace=definition.workspace_id, trigger_event=definition.name
    )
    return list(rules.order_by("position", "id")[:MOST_RULES])
