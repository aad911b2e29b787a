"""Filters of the list of subscribers: with a tag, on a list, in a segment, pending for days."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config import workspace_choice
from config.admin_filters import MomentFilter
from config.admin_skin import PENDING_FOR
from events.services.segments import segments
from events.services.segments.compiling import TooManyReferences
from subscribers import ids
from subscribers.models import List, Segment, Subscriber, Tag

# The first 48 bits of a UUIDv7 are milliseconds since 1970.
TIME_SHIFT = 80


class ChosenByLink(admin.SimpleListFilter):
    """Narrows to one row that a link chose: there may be too many to offer."""

    # The list is not narrowed to the chosen workspace as well.
    is_by_link = True
    model: type[Model]
    parameter_name: str
    # One link for each pair: nobody is found twice.
    link: str
    of_links: ClassVar[dict[str, None]] = {}

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Offer the chosen row, so that it is shown and can be removed."""
        row = self.chosen(request.GET.get(self.parameter_name, ""))
        return [(row.pk.hex, str(row))] if row else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        row = self.chosen(self.value())
        return queryset.filter(**{self.link: row}, **self.of_links) if row else queryset

    def chosen(self, text: str | None) -> Any:  # noqa: ANN401 - a row of the model, or None
        row_id = ids.decode("id", f"id_{text}")
        return self.model._default_manager.filter(pk=row_id).first() if row_id else None


class HasTag(ChosenByLink):
    title = parameter_name = "tag"
    model = Tag
    link = "tag_links__tag"


class OnList(ChosenByLink):
    title = parameter_name = "list"
    model = List
    link = "memberships__list"
    of_links = {"memberships__unsubscribed_at": None}


class InSegment(ChosenByLink):
    """Narrows to the members of a segment; offers the segments by name."""

    title = parameter_name = "segment"
    model = Segment
    most_offered = 100

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        offered = Segment.objects.order_by("name")
        if workspace_id := workspace_choice.narrowing(request):
            offered = offered.filter(workspace=workspace_id)
        names = offered.values_list("pk", "name")[: self.most_offered]
        found = {pk.hex: name for pk, name in names}
        own = super().lookups(request, model_admin)
        return [*found.items(), *(each for each in own if each[0] not in found)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        segment = self.chosen(self.value())
        if segment is None:
            return queryset
        try:
            members = segments.members_condition(segment=segment, now=timezone.now())
        except TooManyReferences as error:
            raise IncorrectLookupParameters(error) from error
        return queryset.filter(members, workspace=segment.workspace_id)


class Came(MomentFilter):
    """Keeps people whose row was created in a span: the number of new people counts the same.

    Ids rise with that time, and the primary key serves it.
    """

    def condition(self, moment: datetime, rows: QuerySet[Any]) -> Q:
        return Q(**{f"pk__{'lt' if self.is_end else 'gte'}": ids.first_id_at(moment)})


class PendingFor(admin.SimpleListFilter):
    """Keeps people who have been pending for some days.

    Nobody becomes pending after their row was created, and ids rise with time: the index of status
    and id finds them.
    """

    title = "waiting for confirmation"
    parameter_name = PENDING_FOR
    days_by_choice = {"0": 0, "1": 1, "7": 7, "30": 30}

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("0", "All pending"), ("1", "A day"), ("7", "7 days"), ("30", "30 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        days = self.days_by_choice.get(self.value() or "")
        if days is None:
            return queryset
        pending = queryset.filter(status=Subscriber.Status.PENDING)
        if not days:
            return pending
        before = timezone.now() - timedelta(days=days)
        milliseconds = int(before.timestamp() * 1000)
        return pending.filter(pk__lt=UUID(int=milliseconds << TIME_SHIFT))
