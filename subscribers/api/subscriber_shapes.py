"""A subscriber in answers: read in a few statements for many, written once here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from msgspec import Meta, Raw

from subscribers import ids
from subscribers.api.calls import Shape
from subscribers.api.errors import ApiError
from subscribers.api.values import SubscriberId
from subscribers.models import Subscriber, SubscriberTag

# Passed on as it is stored.
StoredObject = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
_COLUMNS = (
    "pk", "email", "external_id", "first_name", "last_name", "status", "timezone", "created_at",
    "updated_at", "unsubscribed_at",
)  # fmt: skip


class SubscriberShape(Shape, kw_only=True):
    id: SubscriberId
    email: str
    external_id: str | None
    first_name: str
    last_name: str
    status: str
    tags: list[str]
    custom_attributes: StoredObject
    timezone: str | None
    created_at: datetime
    updated_at: datetime
    unsubscribed_at: datetime | None


def shapes_of(people: QuerySet[Subscriber]) -> list[SubscriberShape]:
    """Return subscribers in the order of the query; two statements, however many they are."""
    columns = people.values_list(*_COLUMNS, Cast("attributes", TextField()))
    rows: Sequence[Any] = list(columns)
    names = tag_names_of([row[0] for row in rows])
    return [
        SubscriberShape(
            id=ids.encode("sub", row[0]),
            email=row[1],
            external_id=row[2],
            first_name=row[3],
            last_name=row[4],
            status=row[5],
            tags=names.get(row[0], []),
            custom_attributes=Raw(row[10].encode()),
            timezone=row[6] or None,
            created_at=row[7],
            updated_at=row[8],
            unsubscribed_at=row[9],
        )
        for row in rows
    ]


def shape_of(subscriber_id: UUID) -> SubscriberShape:
    """Return a subscriber; raises `SUBSCRIBER_NOT_FOUND` for one who was erased meanwhile."""
    return only_shape(Subscriber.objects.filter(pk=subscriber_id))


def only_shape(found: QuerySet[Subscriber]) -> SubscriberShape:
    """Return the subscriber of a query that finds one; raises `SUBSCRIBER_NOT_FOUND`."""
    shapes = shapes_of(found)
    if not shapes:
        raise nobody()
    return shapes[0]


def nobody() -> ApiError:
    return ApiError("SUBSCRIBER_NOT_FOUND", "There is nobody with this address or external id.")


def tag_names_of(people: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the names of people's tags; one statement."""
    links = SubscriberTag.objects.filter(subscriber__in=people)
    names: dict[UUID, list[str]] = {}
    for person_id, name in links.values_list("subscriber_id", "tag__name"):
        names.setdefault(person_id, []).append(name)
    for each in names.values():
        # Sorted here: databases order texts differently.
        each.sort()
    return names
