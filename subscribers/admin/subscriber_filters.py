"""What the list of subscribers is narrowed to: who bears a tag, is on a list, is asked in vain."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config.admin_skin import PENDING_FOR
from subscribers import ids
from subscribers.models import List, Subscriber, Tag

# Of a UUIDv7 the first 48 bits are milliseconds since 1970.
TIME_SHIFT = 80


class ChosenByLink(admin.SimpleListFilter):
    """Narrows to what hangs on one row, which a link chose: there may be thousands to offer."""

    model: type[Model]
    parameter_name: str

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Offer the row that was chosen, so that it can be seen and left again."""
        row = self.chosen(request.GET.get(self.parameter_name, ""))
        return [(row.pk.hex, str(row))] if row else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what hangs on the chosen row."""
        row = self.chosen(self.value())
        return queryset.filter(self.condition(row)) if row else queryset

    def chosen(self, text: str | None) -> Any:  # noqa: ANN401 - a row of the model, or None
        """Return the row with the id, if there is one."""
        row_id = ids.decode("id", f"id_{text}")
        return self.model._default_manager.filter(pk=row_id).first() if row_id else None

    def condition(self, row: Any) -> Q:  # noqa: ANN401 - a row of the model
        """Return what hangs on the row."""
        raise NotImplementedError


class BearingTag(ChosenByLink):
    """Those who bear a tag."""

    title = "tag"
    parameter_name = "tag"
    model = Tag

    def condition(self, row: Any) -> Q:  # noqa: ANN401 - as above
        """One link for each pair: nobody is found twice."""
        return Q(tag_links__tag=row)


class OnList(ChosenByLink):
    """Those who are on a list now."""

    title = "list"
    parameter_name = "list"
    model = List

    def condition(self, row: Any) -> Q:  # noqa: ANN401 - as above
        """One membership for each pair: nobody is found twice."""
        return Q(memberships__list=row, memberships__unsubscribed_at=None)


class PendingFor(admin.SimpleListFilter):
    """Those who have not confirmed their address for so many days.

    Nobody becomes pending later than they came, and ids rise with time: the index that lists a
    status by id finds them.
    """

    title = "waiting for confirmation"
    parameter_name = PENDING_FOR
    days_by_choice = {"0": 0, "1": 1, "7": 7, "30": 30}

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Offer some ages."""
        return [("0", "All pending"), ("1", "A day"), ("7", "7 days"), ("30", "30 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep those pending who came before."""
        days = self.days_by_choice.get(self.value() or "")
        if days is None:
            return queryset
        pending = queryset.filter(status=Subscriber.Status.PENDING)
        if not days:
            return pending
        before = timezone.now() - timedelta(days=days)
        milliseconds = int(before.timestamp() * 1000)
        return pending.filter(pk__lt=UUID(int=milliseconds << TIME_SHIFT))


def came_at(subscriber: Subscriber) -> datetime:
    """Return when the row was made; `created_at` says since when the person is known elsewhere."""
    return datetime.fromtimestamp((subscriber.pk.int >> TIME_SHIFT) / 1000, tz=UTC)
