"""What events a workspace knows: `/definitions`, `/events/schemas` and `/events/sample`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from events.models import Event, EventDefinition
from events.services.counts import event_numbers
from events.services.sequences import learnt_paths
from subscribers import ids
from subscribers.api.calls import Answered, ResourceView, Shape, reads
from subscribers.api.inputs import Inputs, inputs
from subscribers.api.values import Count, SubscriberId, TextWord, one_of
from subscribers.models.api_key import Scope
from subscribers.wire.amounts import counted
from subscribers.wire.names import plain

PROVIDER = "cueline"
# Of one name everything is learnt, of all names the newest events only.
MOST_DESCRIBED = 20
SAMPLED_OF_MANY = 20
Provider = Annotated[str, one_of(PROVIDER)]


@inputs
class SchemasQuery(Inputs):
    event_name: TextWord | None = None
    provider: Provider | None = None


@inputs
class SampleQuery(Inputs):
    event_name: TextWord


class DefinitionShape(Shape, kw_only=True):
    """Counts are those of the worker: `in24Hours` by receipt, `in30Days` by when they occurred."""

    id: str
    name: str
    is_hidden: bool
    first_seen_at: datetime
    last_day: date | None
    in_24_hours: Count
    in_30_days: Count


class DefinitionsAnswer(Answered, kw_only=True):
    definitions: list[DefinitionShape]


class PropertyShape(Shape, kw_only=True):
    path: str
    type: str
    description: str
    merge_tag: str


class ProviderShape(Shape, kw_only=True):
    provider: str
    example_payload: dict[str, Any]
    properties: list[PropertyShape]


class EventSchema(Shape, kw_only=True):
    """What the newest events of a name had; nothing is promised of later ones."""

    event_name: str
    requested_event_name: str | None
    label: str
    category: str
    description: str
    documented: bool
    documented_providers: list[str]
    merge_tag_prefix: str
    notes: list[str]
    providers: list[ProviderShape]


class SchemasAnswer(Answered, kw_only=True):
    event_name: str | None
    note: str
    events: list[EventSchema]


class SampleShape(Shape, kw_only=True):
    event_time: datetime
    properties: dict[str, Any]
    subscriber_id: SubscriberId


class SampleAnswer(Answered, kw_only=True):
    event_name: str
    sample: SampleShape | None


class DefinitionsView(ResourceView):
    @reads("Every event name, with how often it came", scope=Scope.SUBSCRIBERS_READ)
    def get(self) -> DefinitionsAnswer:
        rows = list(EventDefinition.objects.filter(workspace=self.workspace).order_by("name"))
        came = event_numbers.came(definition_ids=[row.pk for row in rows], now=self.now)
        return DefinitionsAnswer(
            definitions=[_definition(row, came.get(row.pk, event_numbers.NEVER)) for row in rows]
        )


class SchemasView(ResourceView):
    @reads("The properties that events have had", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: SchemasQuery) -> SchemasAnswer:
        rows = EventDefinition.objects.filter(workspace=self.workspace, is_hidden=False)
        if asked.event_name is not None:
            rows = rows.filter(name__in={asked.event_name, plain(asked.event_name)})
        chosen = list(rows.order_by("name")[:MOST_DESCRIBED])
        most = SAMPLED_OF_MANY if asked.event_name is None else learnt_paths.MOST_SAMPLED
        return SchemasAnswer(
            event_name=asked.event_name,
            note="Learnt from the newest events; an event may have other properties.",
            events=[_schema(row, asked.event_name, most) for row in chosen],
        )


class SampleView(ResourceView):
    @reads("The newest event of a name", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: SampleQuery) -> SampleAnswer:
        names = {asked.event_name, plain(asked.event_name)}
        rows = EventDefinition.objects.filter(workspace=self.workspace, name__in=names)
        newest = _newest([row.pk for row in rows])
        return SampleAnswer(
            event_name=asked.event_name,
            sample=None
            if newest is None
            else SampleShape(
                event_time=newest.occurred_at,
                properties=newest.properties,
                subscriber_id=ids.encode("sub", newest.subscriber_id),
            ),
        )


def _newest(definition_ids: Sequence[UUID]) -> Event | None:
    rows = Event.objects.filter(definition__in=definition_ids)
    return rows.order_by("-occurred_at", "-id").first()


def _definition(row: EventDefinition, came: event_numbers.TimesReceived) -> DefinitionShape:
    return DefinitionShape(
        id=ids.encode("def", row.pk),
        name=row.name,
        is_hidden=row.is_hidden,
        first_seen_at=row.created_at,
        last_day=came.last_day,
        in_24_hours=came.in_day,
        in_30_days=came.in_month,
    )


def _schema(row: EventDefinition, requested: str | None, most: int) -> EventSchema:
    learnt = learnt_paths.paths_of(definition=row, most_sampled=most)
    newest = _newest([row.pk])
    sampled = counted(learnt.sampled, "event", "events")
    return EventSchema(
        event_name=row.name,
        requested_event_name=requested,
        label=row.name,
        category="custom",
        description=f"Learnt from the newest: {sampled}.",
        documented=False,
        documented_providers=[],
        merge_tag_prefix="event",
        notes=[],
        providers=[
            ProviderShape(
                provider=PROVIDER,
                example_payload=newest.properties if newest else {},
                properties=[
                    PropertyShape(
                        path=each.path,
                        type=", ".join(each.types),
                        description=f"In {each.events} of {sampled}.",
                        merge_tag=f"{{{{event.{each.path}}}}}",
                    )
                    for each in learnt.paths
                ],
            )
        ],
    )
