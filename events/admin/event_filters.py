"""Filters of the list of events: by name, person, time, effects and properties.

Name, person and time narrow by an index. The others are looked up row by row: see `event_list`.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from config import workspace_choice
from config.admin_base import starting_with
from config.admin_filters import ChoiceFilter, FieldFilter, MomentFilter, between
from config.admin_links import list_url
from config.admin_scanning import Scanned
from events.admin import property_filter
from events.language.filters import Filter
from events.models import Event, EventDefinition, FailedStage
from subscribers.admin.person_search import of_person
from subscribers.wire.names import plain

MOST_SUGGESTED = 200
MOST_ALIKE = 10
NAME, PERSON = "name", "person"
# With one of these the list is sorted by when events happened, which an index has in order.
OF_PERSON = frozenset({"subscriber__id__exact", PERSON})
BY_OCCURRENCE = frozenset({"definition__id__exact", NAME, *OF_PERSON})


def definitions(request: HttpRequest) -> QuerySet[EventDefinition]:
    """Return the definitions of the workspace that the list shows, or of all."""
    text = request.GET.get("workspace__id__exact")
    try:
        workspace = UUID(text) if text else workspace_choice.narrowing(request)
    except ValueError:
        return EventDefinition.objects.none()
    every = EventDefinition.objects.all()
    return every.filter(workspace=workspace) if workspace else every


class NameFilter(FieldFilter):
    """The events of one definition: with an index for one, the list costs the same at any size."""

    title = "Name"
    parameter_name = NAME
    request: HttpRequest

    def narrow(self, queryset: Any, text: str) -> Any:  # noqa: ANN401 - querysets
        if not self.named:
            return queryset.none()
        if not OF_PERSON & self.request.GET.keys():
            return queryset.filter(definition=self.named[0])
        # SQLite would choose the index of the name, which has more rows than that of a person.
        column = Coalesce("definition_id", "definition_id")
        return queryset.alias(named=column).filter(named=self.named[0].pk)

    @cached_property
    def named(self) -> list[EventDefinition]:
        """Return the definitions with the name; several workspaces may have one."""
        found = definitions(self.request).filter(name=plain(self.text))
        return list(found.select_related("workspace").order_by("pk")[:MOST_ALIKE])

    @property
    def suggestions(self) -> Sequence[str]:
        names = definitions(self.request).filter(is_hidden=False).order_by("name")
        return list(names.values_list("name", flat=True).distinct()[:MOST_SUGGESTED])

    @property
    def in_words(self) -> str:
        if not self.text or not self.named:
            return self.text
        others = f", in {self.named[0].workspace}" if len(self.named) > 1 else ""
        return f"{self.named[0]}{others}"

    @property
    def hint(self) -> str:
        if not self.text:
            return ""
        if not self.named:
            return "No event has this name." + " Names that begin like it:" * bool(self.links)
        return "Other workspaces have it too:" if len(self.named) > 1 else ""

    @property
    def links(self) -> Sequence[tuple[str, str]]:
        return self._links

    @cached_property
    def _links(self) -> list[tuple[str, str]]:
        """Return other names, or other workspaces with the same name, and their addresses."""
        if not self.text:
            return []
        if self.named:
            return [
                (str(each.workspace), list_url(Event, definition__id__exact=each.pk))
                for each in self.named[1:]
            ]
        begun = definitions(self.request).filter(starting_with("name", self.text))
        names = begun.order_by("name").values_list("name", flat=True)[:MOST_ALIKE]
        return [(name, list_url(Event, name=name)) for name in dict.fromkeys(names)]


class PersonFilter(FieldFilter):
    title = "Person"
    parameter_name = PERSON
    help_text = "Whole address or external id"
    request: HttpRequest

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(of_person(text, workspace_choice.of_list(self.request)))


class EventMoment(MomentFilter):
    """A bound in the order of the list: by receipt, or by occurrence where that is the order."""

    def condition(self, moment: Any, rows: QuerySet[Any]) -> Q:  # noqa: ANN401 - as the base
        if BY_OCCURRENCE & self.request.GET.keys():
            return Q(**{f"occurred_at__{'lt' if self.is_end else 'gte'}": moment})
        return super().condition(moment, rows)


FROM, UNTIL = between("received_at", ids_follow=True, base=EventMoment)


class StageFilter(ChoiceFilter):
    title = "Retries"
    parameter_name = "retries"
    options = {"yes": "A stage failed and waits for its retry"}

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(pk__in=FailedStage.objects.values("event"))


class HistoryFilter(Scanned, ChoiceFilter):
    title = "Kind"
    parameter_name = "kind"
    options = {"live": "Live", "history": "History"}

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(is_historical=text == "history")


class EffectsFilter(Scanned, ChoiceFilter):
    title = "Effects"
    parameter_name = "followed"
    options = {"yes": "With effects", "no": "Without effects"}

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        without = Q(effects={})
        return queryset.filter(without if text == "no" else ~without)


class PropertyFilter(Scanned, FieldFilter):
    """One condition on the properties, which are read one by one."""

    title = "Property"
    parameter_name = "property"
    placeholder = "plan = pro"
    help_text = (
        "order.total > 40, is_trial = true, items[].sku = A-7, plan ~ pro (contains), or a path "
        "alone. Put a text that looks like a number in double quotes."
    )

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset

    @cached_property
    def parsed(self) -> Filter | property_filter.NotACondition | None:
        try:
            return property_filter.parse(self.text) if self.text else None
        except property_filter.NotACondition as error:
            return error

    @property
    def condition(self) -> Filter | None:
        return self.parsed if isinstance(self.parsed, Filter) else None

    @property
    def hint(self) -> str:
        is_fault = isinstance(self.parsed, property_filter.NotACondition)
        return f"It is not used: {self.parsed}" if is_fault else ""
