"""Runs a failed stage of an event again, with today's rules, sequences and enrollments.

It releases and stops only enrollments from before the event. What it starts counts its waits from
the event's receipt, and later events stop it. The caller holds the subscriber's lock, inside a
transaction.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from msgspec.structs import replace

from events.decisions import sync_rules as rules
from events.decisions import triggers
from events.decisions.enrollments import Ends, EnrollmentsBySlot, Seen, Start
from events.decisions.sync_rules import TagRef
from events.decisions.watched import Watched
from events.models import Event, FailedStage
from events.services.configuration import remembered, sync_rules
from events.services.enrollments import rows
from events.services.planning import effects, planning
from subscribers.models import Subscriber
from subscribers.services.audience import tags
from subscribers.wire.names import plain


def redo(
    *, event: Event, stage: FailedStage.Stage, subscriber: Subscriber, now: datetime
) -> dict[str, Any]:
    """Run the stage; returns what it did, in the form of the event's effects."""
    watched = remembered.watched_now(workspace_id=event.workspace_id)
    return _STAGES[stage](event, subscriber, watched, now)


def _apply_rules(
    event: Event, subscriber: Subscriber, watched: Watched, now: datetime
) -> dict[str, Any]:
    name = plain(event.definition.name)
    tags_before = tags.names_of(subscriber)
    by_name = sync_rules.for_events(workspace_id=event.workspace_id, names=[name])
    done = rules.apply(rules=by_name.get(name, ()), tags=tags_before, properties=event.properties)
    tags.change(
        subscriber=subscriber,
        added=done.net_added(before=tags_before),
        removed=done.net_removed(before=tags_before),
    )
    added = planning.newly_borne(tags_before, done.tags)
    # Read before anything starts: an enrollment does not stop by the tag that started it.
    stopped = triggers.stops_of_tags(
        watched=watched,
        tags_added=added,
        enrollments=_enrollments_before(
            event, watched.concerned_by(tag_ids=[tag.id for tag in added])
        ),
    )
    # A failed start has its own retry, which reads the tags from the effects.
    failed = effects.failed_stages_in(event.effects)
    started: dict[str, Any] = {}
    if FailedStage.Stage.TRIGGER_SEQUENCES.value not in failed:
        started = _start(event, subscriber, watched, now, name="", tags_added=added)
    rows.stop(enrollment_ids=[enrollment.id for enrollment in stopped], now=now)
    ended = effects.of_ends(Ends(stopped=stopped), watched)
    return effects.merged(effects.of_rules(done), started, ended)


def _trigger_sequences(
    event: Event, subscriber: Subscriber, watched: Watched, now: datetime
) -> dict[str, Any]:
    added = effects.tags_left_by(event.effects)
    name = plain(event.definition.name)
    return _start(event, subscriber, watched, now, name=name, tags_added=added)


def _release_waits(
    event: Event, _subscriber: Subscriber, watched: Watched, now: datetime
) -> dict[str, Any]:
    seen, added = _seen(event), effects.tags_left_by(event.effects)
    concerned = watched.concerned_by(names=[seen.name], tag_ids=[tag.id for tag in added])
    ends = triggers.ends_of_event(
        watched=watched,
        event=seen,
        tags_added=added,
        enrollments=_enrollments_before(event, concerned),
    )
    rows.release(enrollments=ends.released, event_id=event.pk, now=now)
    rows.stop(enrollment_ids=[enrollment.id for enrollment in ends.stopped], now=now)
    return effects.of_ends(ends, watched)


def _start(
    event: Event,
    subscriber: Subscriber,
    watched: Watched,
    now: datetime,
    *,
    name: str,
    tags_added: Sequence[TagRef],
) -> dict[str, Any]:
    """Start by the event's name, unless empty, and by the tags; then stop by later events."""
    concerned = watched.concerned_by(names=[name], tag_ids=[tag.id for tag in tags_added])
    starts = triggers.starts_of_event(
        watched=watched,
        event=Seen(id=event.pk, name=name, properties=event.properties),
        tags_added=tags_added,
        enrollments=_with_newer(
            rows.enrollments_of(subscriber_id=subscriber.pk, sequence_ids=concerned),
            _enrollments_before(event, concerned),
        ),
        status=subscriber.status,
    )
    if starts.started:
        rows.start(
            subscriber=subscriber,
            starts=starts.started,
            now=now,
            event_id=event.pk,
            since=event.received_at,
            is_test=effects.is_of_test(event.effects),
        )
        _stop_by_later_events(event, starts.started, watched, now)
    return effects.of_starts(starts)


def _stop_by_later_events(
    event: Event, started: Sequence[Start], watched: Watched, now: datetime
) -> None:
    enrollments: EnrollmentsBySlot = {each.enrollment.slot: each.enrollment for each in started}
    sequence_ids = {each.sequence.id for each in started}
    names = [name for name, stops in watched.stops_by_event.items() if sequence_ids & stops.keys()]
    if not names:
        return
    later = Event.objects.filter(
        Q(received_at__gt=event.received_at) | Q(received_at=event.received_at, pk__gt=event.pk),
        subscriber_id=event.subscriber_id,
        definition__name__in=names,
        is_historical=False,
    )
    for each in later.select_related("definition").order_by("pk"):
        stopped = triggers.ends_of_event(
            watched=watched, event=_seen(each), tags_added=[], enrollments=enrollments
        ).stopped
        rows.stop(enrollment_ids=[enrollment.id for enrollment in stopped], now=now)
        enrollments = {slot: row for slot, row in enrollments.items() if row not in stopped}


def _enrollments_before(event: Event, sequence_ids: Collection[UUID]) -> EnrollmentsBySlot:
    if not sequence_ids:
        return {}
    is_earlier = Q(entered_at__lt=event.received_at)
    # Of the same request: started by a list, or by an earlier event.
    is_before = Q(started_by__isnull=True) | Q(started_by__lt=event.pk)
    found = rows.enrollments_of_many(
        subscriber_ids=[event.subscriber_id],
        sequence_ids=sequence_ids,
        condition=is_earlier | (Q(entered_at=event.received_at) & is_before),
        with_entry=True,
    )
    return found.get(event.subscriber_id, {})


def _with_newer(all_now: EnrollmentsBySlot, before: EnrollmentsBySlot) -> EnrollmentsBySlot:
    """Return all enrollments, with a mark on those that began after the event."""
    return {
        slot: each if slot in before else replace(each, is_newer=True)
        for slot, each in all_now.items()
    }


def _seen(event: Event) -> Seen:
    return Seen(id=event.pk, name=plain(event.definition.name), properties=event.properties)


_STAGES: Mapping[
    FailedStage.Stage, Callable[[Event, Subscriber, Watched, datetime], dict[str, Any]]
] = {
    FailedStage.Stage.APPLY_SYNC_RULES: _apply_rules,
    FailedStage.Stage.TRIGGER_SEQUENCES: _trigger_sequences,
    FailedStage.Stage.RELEASE_WAITS: _release_waits,
}
