"""Filters of lists with a field each: a text, a choice, a moment. All are fields of one form.

A blank field does not filter. Where ids rise with a column, the primary key serves its times.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet, UUIDField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from config.admin_base import BEFORE, BaseAdmin
from config.readable import moment as shown_moment
from subscribers.ids import first_id_at

FROM, UNTIL = "from", "until"
DAY = timedelta(days=1)
# The most time between the moment in a column and the creation of the row's id.
MARGIN = timedelta(minutes=2)


class FieldFilter(SimpleListFilter):
    """A labelled field of the filters' form; `narrow` gets what was entered."""

    template = "admin/filter_field.html"
    parameter_name: str
    title: str
    help_text = ""
    input_type = "text"
    placeholder = ""

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return self.narrow(queryset, self.text) if self.text else queryset

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        raise NotImplementedError

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield nothing: the template reads the filter itself."""
        yield from ()

    @property
    def suggestions(self) -> Sequence[str]:
        """Return values to offer while one types."""
        return ()

    @property
    def hint(self) -> str:
        """Return a sentence beside the filter in use."""
        return ""

    @property
    def links(self) -> Sequence[tuple[str, str]]:
        """Return the words and addresses of links after the hint."""
        return ()

    @property
    def text(self) -> str:
        return str(self.value() or "").strip().replace("\0", "")

    @property
    def in_words(self) -> str:
        """Return what it filters by now, or nothing."""
        return self.text

    @property
    def field_value(self) -> str:
        return self.text

    @property
    def address_without(self) -> str:
        """Return the list's address with all other filters."""
        rest: Any = self.request.GET.copy()
        for name in (self.parameter_name, BEFORE):
            rest.pop(name, None)
        return f"?{rest.urlencode()}"


class ChoiceFilter(FieldFilter):
    """A select; `options` are the words on screen by value. Other values are refused."""

    template = "admin/filter_choice.html"
    options: ClassVar[Mapping[str, str]] = {}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.text and self.text not in self.options:
            raise IncorrectLookupParameters
        return super().queryset(request, queryset)

    @property
    def in_words(self) -> str:
        return self.options.get(self.text, "")


class MomentFilter(FieldFilter):
    """Keeps rows from a moment on, or until one: ISO 8601, in the zone of the pages if it has none.

    A day alone is all of it. `ids_follow`: the column says when the row, and its id, were created.
    """

    template = "admin/filter_moment.html"
    input_type = "datetime-local"
    column = ""
    ids_follow = False
    is_end = False

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(self.condition(self.moment, queryset))

    def condition(self, moment: datetime, rows: QuerySet[Any]) -> Q:
        found = Q(**{f"{self.column}__{'lt' if self.is_end else 'gte'}": moment})
        return found & self.condition_on_ids(moment, rows)

    def condition_on_ids(self, moment: datetime, rows: QuerySet[Any], name: str = "pk") -> Q:
        """Return what all rows that match meet, and few others: an index of ids has it.

        `name` is that of the id in the rows.
        """
        if not self.ids_follow or not isinstance(rows.model._meta.pk, UUIDField):
            return Q()
        if self.is_end:
            return Q(**{f"{name}__lt": first_id_at(moment + MARGIN)})
        return Q(**{f"{name}__gte": first_id_at(moment - MARGIN)})

    @property
    def moment(self) -> datetime:
        """Return the entered moment; raises what an unusable address raises."""
        try:
            moment = parse_datetime(self.text) if len(self.text) > len("2026-01-31") else None
            if moment is None and (day := parse_date(self.text)):
                moment = datetime.combine(day + DAY * self.is_end, time())
            if moment is None:
                raise IncorrectLookupParameters
            is_naive = timezone.is_naive(moment)
            aware = timezone.make_aware(moment) if is_naive else moment
            # Some moments of the years 1 and 9999 are none in another zone, and ids begin in 1970.
            timezone.localtime(aware), first_id_at(aware - MARGIN), first_id_at(aware + MARGIN)
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error
        return aware

    @property
    def in_words(self) -> str:
        return shown_moment(self.moment) if self.text else ""

    @property
    def field_value(self) -> str:
        return f"{timezone.localtime(self.moment):%Y-%m-%dT%H:%M}" if self.text else ""

    @property
    def shortcuts(self) -> list[tuple[str, str]]:
        """Return words and addresses of common spans; beside the first field only."""
        if self.is_end:
            return []
        today = timezone.localdate()
        spans = [
            ("Today", today, None),
            ("Yesterday", today - DAY, today - DAY),
            ("7 days", today - 6 * DAY, None),
            ("30 days", today - 29 * DAY, None),
        ]
        rest: Any = self.request.GET.copy()
        found = []
        for words, first, last in spans:
            for name in (FROM, UNTIL, BEFORE):
                rest.pop(name, None)
            rest[FROM] = first.isoformat()
            if last:
                rest[UNTIL] = last.isoformat()
            found.append((words, f"?{rest.urlencode()}"))
        return found


def between(
    column: str, *, ids_follow: bool = False, base: type[MomentFilter] = MomentFilter
) -> tuple[type[MomentFilter], type[MomentFilter]]:
    """Return the filters "from" and "until" for a column with moments; one pair a list."""
    shared = {"column": column, "ids_follow": ids_follow, "__module__": __name__}
    start = {**shared, "title": "From", "parameter_name": FROM}
    end = {**shared, "title": "Until", "parameter_name": UNTIL, "is_end": True}
    return type("From", (base,), start), type("Until", (base,), end)


class FilteredAdmin(BaseAdmin):
    """A list whose filters are one form; an address with blank fields leads to one without."""

    list_filter_submit = True
    list_before_template = "admin/active_filters.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        fields = {each for each in self.offered(request) if request.GET.get(each) == ""}
        if not fields or not self.has_view_or_change_permission(request):
            return super().changelist_view(request, extra_context)
        # A form that was sent begins at the newest row again.
        rest = request.GET.copy()
        for name in (*fields, BEFORE):
            rest.pop(name, None)
        return HttpResponseRedirect(f"{request.path}?{rest.urlencode()}".rstrip("?"))
