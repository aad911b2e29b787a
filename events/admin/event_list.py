"""The list of events, whose properties are compared in Python."""

from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from config.admin_scanning import ScanningList
from events.admin.event_filters import PropertyFilter
from events.language import filters
from events.models import Event
from subscribers.ids import decode

MOST_NEWER = 500
ROWS_AT_ONCE = 500
AFTER = "after"


class EventList(ScanningList):
    moment_field = "received_at"
    rows_are = "events"

    def matching(self, rows: Any) -> Any:  # noqa: ANN401 - querysets
        """Return the rows that match all filters, at least a page and one if there are so many."""
        rows = super().matching(rows)
        properties_are = [spec for spec in self.scanning if isinstance(spec, PropertyFilter)]
        conditions = [spec.condition for spec in properties_are if spec.condition]
        if not conditions:
            return rows
        pairs = rows.values_list("pk", "properties").iterator(chunk_size=ROWS_AT_ONCE)
        found = (pk for pk, properties in pairs if filters.are_met(conditions, properties))
        return self.queryset.filter(pk__in=list(islice(found, self.most_matching)))

    @property
    def most_matching(self) -> int:
        return self.list_per_page + 1


class NewerEvents(EventList):
    """Counts the events of a list that came after an id, instead of fetching a page."""

    most_matching = MOST_NEWER
    newer = 0

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        self.after = self.filter_params.pop(AFTER, [""])[-1]
        self.params.pop(AFTER, None)
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        self.result_list, self.result_count, self.full_result_count = [], 0, 0
        after = decode("evt", self.after)
        if after is None:
            return
        came = Event.objects.filter(pk__gt=after).order_by("-pk").values_list("pk", flat=True)
        newer = list(came[:MOST_NEWER])
        if newer:
            self.newer = len(self.matching(self.queryset.filter(pk__in=newer)).values_list("pk"))

    @property
    def in_words(self) -> str:
        if not self.newer:
            return ""
        if self.newer == 1:
            return "1 new event: show"
        return f"{self.newer}{' or more' * (self.newer == MOST_NEWER)} new events: show"
