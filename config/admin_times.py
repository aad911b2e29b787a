"""Times in the admin: by the clock of the workspace that a row belongs to, with the zone's name.

A page has the zone of the chosen workspace (UTC where all are shown), a row's page that of the
row's workspace, and so has a row of a list while it is shown. It is Django's current zone, which
`readable.moment`, the skin and the templates use.
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

from config import workspace_choice
from config.readable import time_tag
from events.language.timing import zone_of
from subscribers.models import Workspace

ADMIN = "/admin/"
Cell = Callable[[Any], str]


class PageClockMiddleware:
    """Begins each page of the admin with the zone of the chosen workspace, and ends the zone with
    the page: a thread serves many.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            if request.path_info.startswith(ADMIN) and request.user.is_staff:
                chosen = workspace_choice.of(request).chosen
                timezone.activate(zone_of(chosen.timezone) if chosen else ZoneInfo("UTC"))
            return self.get_response(request)
        finally:
            timezone.deactivate()


class RowsByTheirClock(list[Any]):
    """A page of rows; each is shown while its workspace's zone is the current one."""

    def __init__(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        super().__init__(rows)
        self.zones = _zones_of(request, rows)

    def __iter__(self) -> Iterator[Any]:
        for row in super().__iter__():
            with timezone.override(self.zones.get(_workspace_id(row)) or _current_zone()):
                yield row


def show_by_clock(request: HttpRequest, row: Model | None) -> None:
    """Show the times of a page by the clock of its row, where that has a workspace."""
    for zone in _zones_of(request, [row]).values() if row else ():
        timezone.activate(zone)


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


def _zones_of(request: HttpRequest, rows: Sequence[Any]) -> Mapping[UUID | None, ZoneInfo]:
    """Return the zones of the rows' workspaces by id; one query for those that are no choice."""
    choice = workspace_choice.of(request)
    wanted = {row_id for row in rows if (row_id := _workspace_id(row))}
    names = {each: found.timezone for each in wanted if (found := choice.named(each))}
    if missing := wanted - names.keys():
        names |= Workspace.objects.filter(pk__in=missing).values_list("pk", "timezone")
    return {each: zone_of(name) for each, name in names.items()}


def _workspace_id(row: Any) -> UUID | None:  # noqa: ANN401 - any row
    return row.pk if isinstance(row, Workspace) else getattr(row, "workspace_id", None)


def _current_zone() -> Any:  # noqa: ANN401 - Django's own type
    return timezone.get_current_timezone()
