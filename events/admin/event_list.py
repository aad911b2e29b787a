"""The list of events: properties are compared in Python, and a small workspace's are found.

No index has a workspace's events by receipt: it would cost ingestion a tenth. Where the newest rows
hold too few of them, the index of names finds those of all its names, and the page is sorted.
"""

from itertools import islice
from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from config import workspace_choice
from config.admin_filters import MomentFilter
from config.admin_scanning import MOST_LOOKED_AT, ScanningList
from events.admin.event_filters import PropertyFilter, StageFilter
from events.language import filters
from events.models import Event, EventDefinition
from subscribers.ids import decode

# As many of the newest `MOST_LOOKED_AT` rows must be a workspace's, so that a scan goes on in their
# order: until it has as many rows, it passes those of the others.
ENOUGH_TO_SCAN = 500
MOST_SORTED = 200_000
MOST_NEWER = 500
ROWS_AT_ONCE = 500
AFTER = "after"


class EventList(ScanningList):
    moment_field = "received_at"
    rows_are = "events"

    def get_results(self, request: HttpRequest) -> None:
        if self._is_rare(request):
            self.queryset = self._by_definition(request)
        super().get_results(request)

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

    def _is_rare(self, request: HttpRequest) -> bool:
        """Tell whether the newest rows up to the page's position have too few of the workspace."""
        others = (SEARCH_VAR, StageFilter.parameter_name)
        is_found = self.sort_field is not None or any(request.GET.get(each) for each in others)
        if is_found or workspace_choice.of_list(request) is None:
            return False
        newest = self._within_bounds(request, Event.objects.order_by("-pk"))
        edge = list(newest.values_list("pk", flat=True)[MOST_LOOKED_AT : MOST_LOOKED_AT + 1])
        enough = ENOUGH_TO_SCAN if self.scanning else self.list_per_page + 1
        near = self.queryset.filter(pk__gte=edge[0]).values_list("pk") if edge else None
        if near is None or len(near[:enough]) >= enough:
            return False
        # One that was busy once has too many to sort.
        named = EventDefinition.objects.filter(workspace=workspace_choice.of_list(request))
        every = Event.objects.filter(definition__in=named.values("pk"))
        return every[: MOST_SORTED + 1].count() <= MOST_SORTED

    def _by_definition(self, request: HttpRequest) -> Any:  # noqa: ANN401 - a queryset
        """Return the same rows by another way: those of the names of the workspace, sorted.

        Without a condition on the workspace itself, which the index of names does not have.
        """
        named = EventDefinition.objects.filter(workspace=workspace_choice.of_list(request))
        every = self.root_queryset.select_related("definition", "subscriber")
        rows = self._within_bounds(request, every.filter(definition__in=named.values("pk")))
        # Of an expression there is no index, which would pass the rows of all workspaces.
        rows = rows.order_by(Coalesce("pk", "pk").desc())
        if self.scanning:
            return rows
        # The index has ids, so that only the rows shown are read.
        shown = rows.values_list("pk", flat=True)[: self.list_per_page + 1]
        found: QuerySet[Any] = self.queryset.filter(pk__in=list(shown))
        return found

    def _within_bounds(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows between the filters' moments and beyond the page's position."""
        for spec in self.filter_specs:
            if isinstance(spec, MomentFilter):
                rows = spec.queryset(request, rows)
        return rows.filter(self._after_position()) if self.position else rows


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
