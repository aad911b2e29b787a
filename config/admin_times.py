"""Times in the admin: by the clock of the workspace that a row belongs to, with the zone's name.

A row's page, and a row of a list while it is shown, makes the workspace's zone Django's current
one: `readable.moment`, the skin and the templates use that. Rows without a workspace are shown by
the clock of the only one, in UTC where there are several.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.admin import display
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from config.readable import time_tag
from events.language.timing import zone_of
from subscribers.models import Workspace

Cell = Callable[[Any], str]


class PageClockMiddleware:
    """Ends each page's zone with the page: a thread serves many."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()


class RowsByTheirClock(list[Any]):
    """A page of rows; each is shown while its workspace's zone is the current one."""

    def __init__(self, rows: Sequence[Any]) -> None:
        super().__init__(rows)
        self.zones = zones_of(rows)

    def __iter__(self) -> Iterator[Any]:
        for row in super().__iter__():
            with timezone.override(self.zones[_workspace_id(row)]):
                yield row


def zones_of(rows: Sequence[Any]) -> Mapping[UUID | None, ZoneInfo]:
    """Return the zones of the rows' workspaces by id; one query, unless the rows hold them."""
    names = {_workspace_id(row): _loaded_name(row) for row in rows}
    missing = [each for each, name in names.items() if name is None and each is not None]
    if missing:
        names |= Workspace.objects.filter(pk__in=missing).values_list("pk", "timezone")
    if None in names:
        names[None] = _name_of_the_only_one()
    return {each: zone_of(name or "UTC") for each, name in names.items()}


def show_by_clock(row: Model | None) -> None:
    """Show the times of a page by the clock of its row."""
    if row is not None:
        timezone.activate(zones_of([row])[_workspace_id(row)])


def with_times(model: type[Model], columns: Iterable[object]) -> list[Any]:
    """Return the columns with cells that name the zone in place of the names of times."""
    return [_cell_of(model, each) or each for each in columns]


def name_zones_in(form: Any, model: type[Model]) -> None:  # noqa: ANN401 - Django's `AdminForm`
    """Let a form's fields that are only shown name the zone of their times."""
    readonly = set(form.readonly_fields)

    def place(field: object) -> object:
        if isinstance(field, list | tuple):
            return [place(each) for each in field]
        return _cell_of(model, field) or field if field in readonly else field

    form.fieldsets = [
        (name, {**options, "fields": [place(each) for each in options["fields"]]})
        for name, options in form.fieldsets
    ]
    form.readonly_fields = with_times(model, form.readonly_fields)


def _cell_of(model: type[Model], column: object) -> Cell | None:
    try:
        field = model._meta.get_field(column) if isinstance(column, str) else None
    except FieldDoesNotExist:
        return None
    return _cell(field) if isinstance(field, DateTimeField) else None


# Django finds out by equality which fields of a form are only shown.
@cache
def _cell(field: "DateTimeField[Any, Any]") -> Cell:
    @display(description=str(field.verbose_name))
    def cell(row: Model) -> str:
        at = getattr(row, field.name)
        return time_tag(at) if at else "-"

    cell.__name__ = field.name
    return cell


def _workspace_id(row: Any) -> UUID | None:  # noqa: ANN401 - any row
    return row.pk if isinstance(row, Workspace) else getattr(row, "workspace_id", None)


def _loaded_name(row: Any) -> str | None:  # noqa: ANN401 - any row
    if isinstance(row, Workspace):
        return row.timezone
    is_loaded = "workspace" in row._state.fields_cache
    return str(row.workspace.timezone) if is_loaded and row.workspace else None


def _name_of_the_only_one() -> str:
    names = Workspace.objects.order_by("pk").values_list("timezone", flat=True)[:2]
    return names[0] if len(names) == 1 else "UTC"
