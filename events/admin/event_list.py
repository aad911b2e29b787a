"""The list of events: properties are compared in Python, and a small workspace's are found.

No index has a workspace's events by receipt: it would cost ingestion a tenth. Where the newest rows
hold too few of them, the index of names finds the ids of all its names, which rise with the time of
receipt. They are sorted, and the rows looked up, the newest first, until the page is full.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from config import workspace_choice
from config.admin_filters import MomentFilter
from config.admin_scanning import MOST_LOOKED_AT, Looked, ScanningList
from events.admin.event_filters import PropertyFilter, StageFilter
from events.language import filters
from events.models import Event, EventDefinition
from subscribers.ids import decode

# As many of the newest `MOST_LOOKED_AT` rows must be a workspace's, so that a scan goes on in their
# order: until it has as many rows, it passes those of the others.
ENOUGH_TO_SCAN = 500
MOST_SORTED = 200_000
# Rows of a small workspace are far apart: each is another page of the table.
MOST_LOOKED_UP = 3000
# The first rows fill most pages; a lookup of few rows costs about as much as its statement.
FIRST_LOOKED_UP, MORE_EACH_TIME = 200, 5
MOST_NEWER = 500
ROWS_AT_ONCE = 500
AFTER = "after"


class EventList(ScanningList):
    moment_field = "received_at"
    rows_are = "events"

    def look(self, request: HttpRequest) -> Looked:
        return self._look_up(request) if self._is_rare(request) else super().look(request)

    def matching(self, rows: Any) -> Any:  # noqa: ANN401 - querysets
        """Return the rows that match all filters, at least a page and one if there are so many."""
        if not self._conditions:
            return super().matching(rows)
        return self.queryset.filter(pk__in=self._ids_matching(rows, self.most_matching))

    @property
    def most_matching(self) -> int:
        return self.list_per_page + 1

    @property
    def _conditions(self) -> list[filters.Filter]:
        properties_are = [spec for spec in self.scanning if isinstance(spec, PropertyFilter)]
        return [spec.condition for spec in properties_are if spec.condition]

    def _ids_matching(self, rows: Any, most: int) -> list[UUID]:  # noqa: ANN401 - querysets
        """Return the first ids of the rows that match all filters."""
        rows, conditions = super().matching(rows), self._conditions
        if not conditions:
            return list(rows.values_list("pk", flat=True)[:most])
        pairs = rows.values_list("pk", "properties").iterator(chunk_size=ROWS_AT_ONCE)
        found = (pk for pk, properties in pairs if filters.are_met(conditions, properties))
        return list(islice(found, most))

    def _is_rare(self, request: HttpRequest) -> bool:
        """Tell whether the newest rows up to the page's position have too few of the workspace."""
        others = (SEARCH_VAR, StageFilter.parameter_name)
        is_found = self.sort_field is not None or any(request.GET.get(each) for each in others)
        if is_found or workspace_choice.of_list(request) is None:
            return False
        newest = self._within_bounds(Event.objects.order_by("-pk"))
        edge = list(newest.values_list("pk", flat=True)[MOST_LOOKED_AT : MOST_LOOKED_AT + 1])
        enough = ENOUGH_TO_SCAN if self.scanning else self.list_per_page + 1
        near = self.queryset.filter(pk__gte=edge[0]).values_list("pk") if edge else None
        if near is None or len(near[:enough]) >= enough:
            return False
        # One that was busy once has too many to sort.
        return self._of_names(request)[: MOST_SORTED + 1].count() <= MOST_SORTED

    def _look_up(self, request: HttpRequest) -> Looked:
        """Return the same rows by another way: by the ids of the names of the workspace."""
        # Of an expression there is no index, which would pass the rows of all workspaces.
        rows = self._of_names(request).alias(row_id=Coalesce("pk", "pk"))
        newest = self._within_bounds(rows, "row_id").order_by("-row_id")
        newest = newest.values_list("pk", flat=True)
        ids = list(newest[: MOST_LOOKED_UP + 1])
        last = ids[MOST_LOOKED_UP - 1] if len(ids) > MOST_LOOKED_UP else None
        found = self._first_matching(ids[:MOST_LOOKED_UP])
        return Looked(self.queryset.filter(pk__in=found), last, MOST_LOOKED_UP)

    def _first_matching(self, ids: Sequence[UUID]) -> Sequence[UUID]:
        found: list[UUID] = []
        begin, count = 0, FIRST_LOOKED_UP
        while begin < len(ids) and len(found) < self.most_matching:
            rows = self.queryset.filter(pk__in=ids[begin : begin + count])
            found += self._ids_matching(rows, self.most_matching - len(found))
            begin, count = begin + count, count * MORE_EACH_TIME
        return found

    def _of_names(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the events of the workspace: the index of names has no condition on it."""
        named = EventDefinition.objects.filter(workspace=workspace_choice.of_list(request))
        return Event.objects.filter(definition__in=named.values("pk"))

    def _within_bounds(self, rows: QuerySet[Any], name: str = "pk") -> QuerySet[Any]:
        """Keep the rows between the filters' moments, by id alone, and beyond the position."""
        for spec in self.filter_specs:
            if isinstance(spec, MomentFilter) and spec.text:
                rows = rows.filter(spec.condition_on_ids(spec.moment, rows, name))
        return rows.filter(**{f"{name}__lt": UUID(self.position)}) if self.position else rows


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
            return "1 new event"
        return f"{self.newer}{' or more' * (self.newer == MOST_NEWER)} new events"
