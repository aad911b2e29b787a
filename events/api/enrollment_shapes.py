"""Enrollments in answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from events.api.sequence_shapes import OffsetPages, StopShape
from events.language.steps.node_types import NODE_TYPES
from events.models import Enrollment, StepRun
from events.wording import enrollments as words
from events.wording.reasons import reason_in_words
from subscribers.api.calls import Answered, Shape
from subscribers.api.values import Count, SubscriberId

Status = Enrollment.Status


class EnteredVia(Shape, kw_only=True):
    kind: str
    name: str
    value: str
    description: str


class EntryContext(Shape, kw_only=True):
    trigger_type: str
    event_id: str | None
    event_name: str | None
    event_property_keys: list[str]
    has_event_properties: bool


class EnrollmentShape(Shape, kw_only=True):
    enrollment_id: str
    sequence_id: str
    subscriber_id: SubscriberId
    email: str
    first_name: str
    last_name: str
    subscriber_status: str
    status: str
    current_node_id: str | None
    current_node_label: str | None
    current_node_type: str | None
    current_node_missing: bool
    enrollment_key: str
    enrollment_started_at: datetime
    last_updated_at: datetime
    wait_until: datetime | None
    paused_at: datetime | None
    pause_reason: str | None
    failed_reason: str | None
    entered_via: EnteredVia
    entry_context: EntryContext


class PastNode(Shape, kw_only=True):
    node_id: str
    node_type: str
    node_label: str
    event_type: str
    event_time: datetime


class EnrollmentsAnswer(Answered, kw_only=True):
    enrollments: list[EnrollmentShape]
    pagination: OffsetPages
    sequence_id: str
    sequence_name: str
    statuses: list[str]
    stop_condition: StopShape | None


class EnrollmentAnswer(Answered, kw_only=True):
    enrollment: EnrollmentShape
    node_history: list[PastNode]
    node_history_limit: int
    node_history_truncated: bool
    history_source: str
    sequence_id: str
    sequence_name: str
    stop_condition: StopShape | None


class EnrolledAnswer(Answered, kw_only=True):
    """`reasons` say why each of the skipped did not enter, by the subscriber's id."""

    enrolled: Count
    skipped: Count
    not_found: list[str]
    reasons: dict[str, str]
    scheduled_for: datetime | None
    target_node_id: str | None


class HeldEnrollment(Shape, kw_only=True):
    enrollment_id: str
    subscriber_id: SubscriberId
    subscriber_email: str
    current_node_id: str
    outcome: str
    status: str
    paused_at: datetime | None
    wait_until: datetime | None


class NotEnrolled(Shape, kw_only=True):
    email: str
    subscriber_id: SubscriberId


class UnknownPeople(Shape, kw_only=True):
    emails: list[str]
    subscriber_ids: list[str]


class PausedAnswer(Answered, kw_only=True):
    sequence_id: str
    enrollments: list[HeldEnrollment]
    paused_count: Count
    already_paused_count: Count
    in_progress_count: Count
    not_enrolled: list[NotEnrolled]
    not_found: UnknownPeople
    message: str


class EnqueueError(Shape, kw_only=True):
    enrollment_id: str
    error: str


class ResumedAnswer(Answered, kw_only=True):
    """`sequenceRunning`: what is resumed goes on at once, or when the sequence is active."""

    sequence_id: str
    enrollments: list[HeldEnrollment]
    resumed_count: Count
    not_paused_count: Count
    enqueued_count: Count
    enqueue_errors: list[EnqueueError]
    sequence_running: bool
    not_enrolled: list[NotEnrolled]
    not_found: UnknownPeople
    message: str


class CancelledEnrollment(Shape, kw_only=True):
    token_id: str
    subscriber_id: SubscriberId
    subscriber_email: str
    enrollment_key: str
    status: str


class CancelTarget(Shape, kw_only=True):
    not_found_subscriber_ids: list[str]
    not_found_field_values: list[str]


class CancelledAnswer(Answered, kw_only=True):
    """`matchedCount` is exact to 10,000; beyond it is what was counted last, or null."""

    sequence_id: str
    matched_count: Count | None
    cancelled_count: Count
    remaining_count: Count | None
    has_more: bool
    dry_run: bool
    enrollments: list[CancelledEnrollment]
    target: CancelTarget
    message: str


def held(row: Enrollment, outcome: str) -> HeldEnrollment:
    return HeldEnrollment(
        enrollment_id=row.public_id,
        subscriber_id=row.subscriber.public_id,
        subscriber_email=row.subscriber.email,
        current_node_id=row.step.key if row.step else "",
        outcome=outcome,
        status=row.status,
        paused_at=row.paused_at,
        wait_until=row.due_at or row.due_before_pause,
    )


def cancelled(row: Enrollment) -> CancelledEnrollment:
    return CancelledEnrollment(
        token_id=row.public_id,
        subscriber_id=row.subscriber.public_id,
        subscriber_email=row.subscriber.email,
        enrollment_key=row.entry_key,
        status=row.status,
    )


def whole_rows(rows: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    return rows.select_related("subscriber", "sequence", "step", "started_by__definition")


def shape_of(row: Enrollment) -> EnrollmentShape:
    step, person, event = row.step, row.subscriber, row.started_by
    via: Mapping[str, Any] = row.entered_via
    reason = reason_in_words(row.reason) if row.reason else None
    return EnrollmentShape(
        enrollment_id=row.public_id,
        sequence_id=row.sequence.public_id,
        subscriber_id=person.public_id,
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        subscriber_status=person.status,
        status=row.status,
        current_node_id=step.key if step else None,
        current_node_label=(step.config.get("label") or None) if step else None,
        current_node_type=NODE_TYPES[step.kind] if step else None,
        current_node_missing=False,
        enrollment_key=row.entry_key,
        enrollment_started_at=row.entered_at,
        last_updated_at=row.updated_at,
        wait_until=row.due_at or row.due_before_pause,
        paused_at=row.paused_at,
        pause_reason=reason if row.status == Status.PAUSED else None,
        failed_reason=words.why(row) if row.status == Status.FAILED else None,
        entered_via=EnteredVia(
            kind=str(via.get("kind", "unknown")),
            name=str(via.get("name") or ""),
            value=str(via.get("value") or ""),
            description=words.entry_in_words(row),
        ),
        entry_context=EntryContext(
            trigger_type=row.sequence.trigger,
            event_id=event.public_id if event else None,
            event_name=event.definition.name if event else None,
            event_property_keys=sorted(event.properties) if event else [],
            has_event_properties=bool(event and event.properties),
        ),
    )


def past(run: StepRun) -> PastNode:
    return PastNode(
        node_id=run.step.key,
        node_type=NODE_TYPES[run.step.kind],
        node_label=run.step.config.get("label", ""),
        event_type=run.status,
        event_time=run.ended_at or run.started_at,
    )
