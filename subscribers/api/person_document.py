"""One subscriber as `GET /subscribers/{…}` answers: with lists, enrollments and what happened."""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from msgspec import field
from msgspec.structs import asdict

from events.language.steps.node_types import NODE_TYPES
from events.models import Enrollment, Event
from subscribers import ids
from subscribers.api.calls import Shape
from subscribers.api.subscriber_shapes import SubscriberShape, only_shape
from subscribers.api.values import Count as WholeNumber
from subscribers.api.values import ListId
from subscribers.models import ListMembership, MailActivity, OutgoingEmail, Subscriber

# The latest of each; the time line has everything.
MOST_ACTIVITY = 50
MOST_ENROLLMENTS = 50
Kind = MailActivity.Kind


class JoinedList(Shape, kw_only=True):
    id: ListId
    name: str
    description: str
    is_private: bool
    subscribed_at: datetime
    unsubscribed_at: datetime | None


class ActivityShape(Shape, kw_only=True):
    """An event, or what is known of a mail."""

    id: str
    event_type: str
    event_name: str
    event_time: datetime
    properties: dict[str, Any]
    email_send_id: str | None = None
    clicked_url: str | None = None
    bounce_type: str | None = None
    engagement_quality: str | None = None
    machine: bool | None = None
    classification_reasons: list[str] = field(default_factory=list)


class EmailStats(Shape, kw_only=True):
    """Mails, each counted once."""

    sent: WholeNumber
    delivered: WholeNumber
    opened: WholeNumber
    clicked: WholeNumber
    bounced: WholeNumber
    complained: WholeNumber
    unsubscribed: WholeNumber


class EnrollmentOfPerson(Shape, kw_only=True):
    token_id: str
    sequence_id: str
    sequence_name: str
    sequence_status: str
    enrollment_status: str
    current_node_id: str | None
    current_node_label: str | None
    current_node_type: str | None
    entered_at: datetime
    scheduled_for: datetime | None
    updated_at: datetime


class PersonShape(SubscriberShape, kw_only=True):
    lists: list[JoinedList]
    activity: list[ActivityShape]
    email_stats: EmailStats
    sequence_enrollments: list[EnrollmentOfPerson]
    # The hosted product's; there are none here.
    notes: list[str] = field(default_factory=list)


def document_of(found: QuerySet[Subscriber], *, counts_machines: bool) -> PersonShape:
    """Return all of the person of a query; a constant number of statements.

    Raises `SUBSCRIBER_NOT_FOUND`.
    """
    shape = only_shape(found)
    person_id = UUID(shape.id.removeprefix("sub_"))
    return PersonShape(
        **asdict(shape),
        lists=_lists_of(person_id),
        activity=_activity_of(person_id),
        email_stats=_stats_of(person_id, counts_machines=counts_machines),
        sequence_enrollments=_enrollments_of(person_id),
    )


def _lists_of(person_id: UUID) -> list[JoinedList]:
    rows = ListMembership.objects.filter(subscriber=person_id).select_related("list")
    return [
        JoinedList(
            id=ids.encode("lst", row.list_id),
            name=row.list.name,
            description=row.list.description,
            is_private=row.list.is_private,
            subscribed_at=row.subscribed_at,
            unsubscribed_at=row.unsubscribed_at,
        )
        for row in rows.order_by("list__name")
    ]


def _activity_of(person_id: UUID) -> list[ActivityShape]:
    events = Event.objects.filter(subscriber=person_id).select_related("definition")
    latest = events.order_by("-occurred_at", "-id")[:MOST_ACTIVITY]
    mails = MailActivity.objects.filter(subscriber=person_id).order_by("-at", "-id")[:MOST_ACTIVITY]
    found = [
        *(
            ActivityShape(
                id=row.public_id,
                event_type="custom",
                event_name=row.definition.name,
                event_time=row.occurred_at,
                properties=row.properties,
            )
            for row in latest
        ),
        *(_mail_activity(row) for row in mails),
    ]
    return sorted(found, key=lambda each: each.event_time, reverse=True)[:MOST_ACTIVITY]


def _mail_activity(row: MailActivity) -> ActivityShape:
    return ActivityShape(
        id=ids.encode("act", row.pk),
        event_type=row.kind,
        event_name=f"email.{row.kind}",
        event_time=row.at,
        properties={},
        email_send_id=ids.encode("eml", row.email_id),
        clicked_url=row.url or None,
        bounce_type=row.bounce_type or None,
        engagement_quality=row.quality or None,
        machine=row.quality == MailActivity.Quality.MACHINE if row.quality else None,
        classification_reasons=row.reasons,
    )


def _stats_of(person_id: UUID, *, counts_machines: bool) -> EmailStats:
    sent = OutgoingEmail.objects.filter(subscriber=person_id, status=OutgoingEmail.Status.SENT)
    activity = MailActivity.objects.filter(subscriber=person_id)
    if not counts_machines:
        activity = activity.exclude(quality=MailActivity.Quality.MACHINE)
    rows = activity.order_by().values_list("kind").annotate(mails=Count("email", distinct=True))
    counts = Counter(dict(rows))
    return EmailStats(
        sent=sent.count(),
        delivered=counts[Kind.DELIVERED],
        opened=counts[Kind.OPENED],
        clicked=counts[Kind.CLICKED],
        bounced=counts[Kind.BOUNCED],
        complained=counts[Kind.COMPLAINED],
        unsubscribed=counts[Kind.UNSUBSCRIBED],
    )


def _enrollments_of(person_id: UUID) -> list[EnrollmentOfPerson]:
    rows = Enrollment.objects.filter(subscriber=person_id).select_related("sequence", "step")
    return [
        EnrollmentOfPerson(
            token_id=row.public_id,
            sequence_id=row.sequence.public_id,
            sequence_name=row.sequence.name,
            sequence_status=row.sequence.status,
            enrollment_status=row.status,
            current_node_id=row.step.key if row.step else None,
            current_node_label=(row.step.config.get("label") or None) if row.step else None,
            current_node_type=NODE_TYPES[row.step.kind] if row.step else None,
            entered_at=row.entered_at,
            scheduled_for=row.due_at,
            updated_at=row.updated_at,
        )
        for row in rows.order_by("-entered_at", "-id")[:MOST_ENROLLMENTS]
    ]
