"""Writes what steps change about people, under the subscriber's lock.

What a change triggers (a tag that starts or stops an enrollment) happens in the same transaction.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from events.decisions import changes
from events.decisions.changes import KnownNames, ListRef, PersonChange
from events.decisions.sync_rules import TagRef
from events.language.steps import ChangingStep
from events.services.engine import mails
from events.services.engine.claimed import ClaimedEnrollment
from subscribers import reactions
from subscribers.ids import decode, encode
from subscribers.models import List, Subscriber, Tag
from subscribers.services.audience import lists, tags
from subscribers.services.consent import unsubscribing

METHOD = "sequence_step"
Pair = tuple[ClaimedEnrollment, ChangingStep]


def apply_all(going: Several[Pair], *, now: datetime) -> list[Mapping[str, Any]]:
    """Carry out the current step of each enrollment; returns the outcomes, in order.

    Tags of many enrollments are changed together: one statement for each kind of change.
    """
    known = known_names(going)
    alike: dict[tuple[frozenset[UUID], frozenset[UUID], int, bool], list[Subscriber]] = {}
    outcomes: list[Mapping[str, Any]] = []
    for enrollment, step in going:
        change = decide(step, enrollment, known, now=now)
        if change.tags_added or change.tags_removed:
            added = frozenset(tag.id for tag in change.tags_added)
            removed = frozenset(tag.id for tag in change.tags_removed)
            key = (added, removed, enrollment.row.depth, enrollment.row.is_test)
            alike.setdefault(key, []).append(enrollment.subscriber)
        _write_lists(change, enrollment, now)
        _write_person(change, enrollment, now)
        outcomes.append(change.outcome)
    for (added, removed, _, _), people in alike.items():
        tags.change_many(subscribers=people, added=added, removed=removed)
    for (added, _, depth, is_test), people in alike.items():
        if added:
            reactions.current().tags_added(
                subscriber_ids=[person.pk for person in people],
                tag_ids=sorted(added),
                now=now,
                depth=depth + 1,
                is_test=is_test,
            )
    return outcomes


def known_names(going: Several[Pair]) -> Mapping[UUID, KnownNames]:
    """Return the existing tags and lists that the steps name, by workspace; at most two queries."""
    known = {enrollment.row.workspace_id: KnownNames() for enrollment, _ in going}
    tag_names = {name for _, step in going for name in step.tags}
    references = {reference for _, step in going for _, reference in step.lists}
    if tag_names:
        tag_rows = Tag.objects.filter(workspace__in=known, name__in=tag_names)
        for workspace_id, tag_id, name in tag_rows.values_list("workspace_id", "pk", "name"):
            known[workspace_id].tags[name] = TagRef(tag_id, name)
    if references:
        list_ids = [list_id for each in references if (list_id := decode("lst", each))]
        list_rows = List.objects.filter(workspace__in=known, pk__in=list_ids)
        for workspace_id, list_id, name in list_rows.values_list("workspace_id", "pk", "name"):
            known[workspace_id].lists[encode("lst", list_id)] = ListRef(list_id, name)
    return known


def decide(
    step: ChangingStep,
    enrollment: ClaimedEnrollment,
    known: Mapping[UUID, KnownNames],
    *,
    now: datetime,
) -> PersonChange:
    """Decide a change and make it in memory, where the person's later steps see it."""
    filled, missing = mails.filled(step, enrollment=enrollment, now=now)
    change = changes.decide(
        filled,
        person=enrollment,
        status=enrollment.subscriber.status,
        known=known[enrollment.row.workspace_id],
        most_bytes=settings.MAX_ATTRIBUTES_BYTES,
    )
    if missing:
        change = replace(change, outcome={**change.outcome, "missing": missing})
    # Only what changes: tags and lists are read from the database on first use.
    if change.tags_added or change.tags_removed:
        enrollment.tags.difference_update(tag.name for tag in change.tags_removed)
        enrollment.tags.update(tag.name for tag in change.tags_added)
    if change.lists_joined or change.lists_left:
        enrollment.lists.difference_update(encode("lst", each.id) for each in change.lists_left)
        enrollment.lists.update(encode("lst", each.id) for each in change.lists_joined)
    for name, value in change.columns.items():
        setattr(enrollment.subscriber, name, value)
    return change


def _write_lists(change: PersonChange, enrollment: ClaimedEnrollment, now: datetime) -> None:
    left = [each.id for each in change.lists_left]
    joined = [each.id for each in change.lists_joined]
    if left:
        lists.leave(subscriber=enrollment.subscriber, list_ids=left, now=now)
    if joined:
        lists.join(subscriber=enrollment.subscriber, list_ids=joined, now=now)
        reactions.current().list_joined(
            subscriber_ids=[enrollment.subscriber.pk],
            list_ids=joined,
            now=now,
            depth=enrollment.row.depth + 1,
            is_test=enrollment.row.is_test,
        )


def _write_person(change: PersonChange, enrollment: ClaimedEnrollment, now: datetime) -> None:
    person = enrollment.subscriber
    if change.columns:
        person.updated_at = now
        person.save(update_fields=[*change.columns, "updated_at"])
    if change.is_leaving:
        unsubscribing.leave(subscriber_ids=[person.pk], now=now, method=METHOD)
        person.refresh_from_db(fields=["status"])
