"""Lists with filters that no index serves: they look at a bounded number of rows at a time.

The rows are taken in the list's order, narrowed by what an index serves, from the page's position
on. Where fewer match than a page shows, the page ends, and "Older" goes on from the last row looked
at.
"""

from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from config.admin_base import BEFORE, KeysetChangeList
from config.admin_filters import FieldFilter

MOST_LOOKED_AT = 10_000


class Scanned:
    """No index serves the filter; its list is a `ScanningList`."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        super().queryset(request, queryset)  # type: ignore[misc] # a mixin: refuses other values
        return queryset


class Looked(NamedTuple):
    """Rows that match, at least a page and one if there are so many.

    `last` is the id of the last row that was looked at, if more follow, and `most` the limit.
    """

    rows: Any
    last: Any = None
    most: int = 0


class ScanningList(KeysetChangeList):
    # The column whose moment says how far the list looked; rows have it in the order of their ids.
    moment_field = "created_at"
    rows_are = "rows"
    # The moment of the last row that was looked at, if rows beyond it were not.
    looked_back_to: Any = None
    most_looked_at = 0

    def get_results(self, request: HttpRequest) -> None:
        looked = self.look(request)
        self.queryset = looked.rows
        super().get_results(request)
        if looked.last is not None and self.older is None:
            shown = self.model._default_manager.filter(pk=looked.last)
            moments = shown.values_list(self.sort_field or self.moment_field)
            (self.looked_back_to,) = moments.first() or (None,)
            self.most_looked_at = looked.most
            self.older = self.get_query_string({BEFORE: str(looked.last)})

    def look(self, request: HttpRequest) -> Looked:
        if not self.scanning:
            return Looked(self.queryset)
        within, last = self.window()
        return Looked(self.matching(self.queryset.filter(within)), last, MOST_LOOKED_AT)

    @property
    def scanning(self) -> list[FieldFilter]:
        """Return the filters in use that no index serves."""
        fields = [spec for spec in self.filter_specs if isinstance(spec, FieldFilter)]
        return [spec for spec in fields if isinstance(spec, Scanned) and spec.text]

    def matching(self, rows: Any) -> Any:  # noqa: ANN401 - querysets
        """Return those of the rows that match all filters."""
        for spec in self.scanning:
            rows = spec.narrow(rows, spec.text)
        return rows

    def window(self) -> tuple[Q, Any]:
        """Return the condition for the rows to look at, and the id of the last if more follow."""
        field = self.sort_field or "pk"
        # What indexes have, so that no row is read.
        ids = self.queryset.values_list("pk", field)
        edge = list(ids[MOST_LOOKED_AT - 1 : MOST_LOOKED_AT + 1])
        if len(edge) <= 1:
            return Q(), None
        row_id, value = edge[0]
        # The index is read by the first part alone.
        within = Q(**{f"{field}__gte": value}) & (Q(**{f"{field}__gt": value}) | Q(pk__gte=row_id))
        return within, row_id
