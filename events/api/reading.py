"""`/events`: what was recorded, and what it did."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q, QuerySet

from events.api.effects import wire_effects
from events.models import Event, EventDefinition, FailedStage
from events.services.segments.limits import TookTooLong, time_limit
from subscribers.api import cursors
from subscribers.api.calls import (
    Answered,
    ResourceView,
    Shape,
    id_in_path,
    no_such_row,
    reads,
)  # fmt: skip
from subscribers.api.cursors import MomentCursor
from subscribers.api.inputs import Inputs, inputs
from subscribers.api.named_people import OneId
from subscribers.api.values import (
    Count,
    Email,
    ExternalId,
    FlagWord,
    SubscriberId,
    TextWord,
    TimeWord,
    whole_number_word,
)  # fmt: skip
from subscribers.models import Subscriber
from subscribers.models.api_key import Scope
from subscribers.wire.names import plain
from subscribers.wire.payloads import Fault, InvalidRequest

MOST = 200


EventOfPath = Annotated[UUID, id_in_path("evt")]


@inputs
class EventsQuery(Inputs):
    """Newest first: by when they occurred where a person or a name is given, else by receipt."""

    email: Email | None = None
    external_id: ExternalId | None = None
    subscriber_id: OneId | None = None
    name: TextWord | None = None
    occurred_after: TimeWord | None = None
    occurred_before: TimeWord | None = None
    historical: FlagWord | None = None
    limit: Annotated[int, whole_number_word(1, MOST)] = 50
    cursor: MomentCursor | None = None

    def find_faults(self) -> Iterator[Fault]:
        given = (self.email, self.external_id, self.subscriber_id)
        if len([each for each in given if each is not None]) > 1:
            yield Fault("email", "cannot be together with another way to name the person.")


class EventPerson(Shape, kw_only=True):
    id: SubscriberId
    email: str
    external_id: str | None


class EventShape(Shape, kw_only=True):
    """`eventId` is the caller's own id."""

    id: str
    name: str
    subscriber: EventPerson
    occurred_at: datetime
    received_at: datetime
    event_id: str | None
    historical: bool
    properties: dict[str, Any]


class StageShape(Shape, kw_only=True):
    """A part of what the event does that failed; the worker tries it again."""

    stage: str
    error: str
    attempts: Count
    next_attempt_at: datetime


class WholeEvent(EventShape, kw_only=True):
    """`effects` as a dry run answers them."""

    effects: dict[str, Any]
    side_effect_failures: list[StageShape]


class EventPages(Shape, kw_only=True):
    has_more: bool
    limit: int
    next_cursor: str | None


class EventsAnswer(Answered, kw_only=True):
    events: list[EventShape]
    pagination: EventPages


class EventAnswer(Answered, kw_only=True):
    event: WholeEvent


class EventsView(ResourceView):
    @reads("Recorded events, newest first", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: EventsQuery) -> EventsAnswer:
        rows, by_time = self._chosen(asked)
        at = "occurred_at" if by_time else "received_at"
        ordered = rows.order_by("-occurred_at", "-id") if by_time else rows.order_by("-id")
        if asked.cursor is not None:
            ordered = ordered.filter(_after(asked.cursor, by_time=by_time))
        try:
            with time_limit():
                found = list(
                    ordered.select_related("subscriber", "definition").defer("effects")[
                        : asked.limit + 1
                    ]
                )
        except TookTooLong as error:
            message = "The search took too long: name a person or an event."
            raise InvalidRequest(Fault("", message)) from error
        shown = found[: asked.limit]
        has_more = len(found) > asked.limit
        last = shown[-1] if has_more else None
        return EventsAnswer(
            events=[EventShape(**_common(row)) for row in shown],
            pagination=EventPages(
                has_more=has_more,
                limit=asked.limit,
                next_cursor=cursors.of_moment(getattr(last, at), last.pk) if last else None,
            ),
        )

    def _chosen(self, asked: EventsQuery) -> tuple[QuerySet[Event], bool]:
        """Return the events, and whether an index has them by their own time."""
        rows = Event.objects.filter(workspace=self.workspace)
        person = _person_condition(asked)
        if person:
            people = Subscriber.objects.in_workspace(self.workspace).filter(**person)
            # The id, so that the index of a person's events is read.
            rows = rows.filter(subscriber=people.values_list("pk", flat=True).first())
        if asked.name is not None:
            named = EventDefinition.objects.filter(
                workspace=self.workspace, name__in={asked.name, plain(asked.name)}
            )
            rows = rows.filter(definition__in=list(named.values_list("pk", flat=True)))
        if asked.occurred_after is not None:
            rows = rows.filter(occurred_at__gte=asked.occurred_after)
        if asked.occurred_before is not None:
            rows = rows.filter(occurred_at__lt=asked.occurred_before)
        if asked.historical is not None:
            rows = rows.filter(is_historical=asked.historical)
        return rows, bool(person) or asked.name is not None


class EventView(ResourceView):
    @reads(
        "One event with what it did, and what it did not do and why", scope=Scope.SUBSCRIBERS_READ
    )
    def get(self, *, event_id: EventOfPath) -> EventAnswer:
        rows = Event.objects.filter(workspace=self.workspace, pk=event_id)
        row = rows.select_related("subscriber", "definition").first()
        if row is None:
            return no_such_row()
        failed = FailedStage.objects.filter(event=row).order_by("stage")
        return EventAnswer(
            event=WholeEvent(
                **_common(row),
                effects=wire_effects(row.effects),
                side_effect_failures=[
                    StageShape(
                        stage=each.stage,
                        error=each.last_error,
                        attempts=each.attempts,
                        next_attempt_at=each.next_attempt_at,
                    )
                    for each in failed
                ],
            )
        )


def _person_condition(asked: EventsQuery) -> dict[str, Any]:
    if asked.email is not None:
        return {"email_key": asked.email.key}
    if asked.external_id is not None:
        return {"external_id": asked.external_id}
    return {} if asked.subscriber_id is None else {"pk": asked.subscriber_id}


def _after(position: cursors.Moment, *, by_time: bool) -> Q:
    if not by_time:
        return Q(pk__lt=position.row_id)
    earlier = Q(occurred_at__lt=position.at) | Q(pk__lt=position.row_id)
    # The index is read by the first part alone.
    return Q(occurred_at__lte=position.at) & earlier


def _common(row: Event) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "name": row.definition.name,
        "subscriber": EventPerson(
            id=row.subscriber.public_id,
            email=row.subscriber.email,
            external_id=row.subscriber.external_id,
        ),
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "event_id": row.event_id,
        "historical": row.is_historical,
        "properties": row.properties,
    }
