"""Steps that change a person: tags, lists, names and attributes; under the subscriber's lock.

What a change sets off (a tag that starts or stops an enrollment) happens in the same transaction. A
tag or list that is gone is left out, and the outcome says so.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from events.language import steps
from events.services.engine.claimed import ClaimedEnrollment
from events.services.engine.walking import Position
from subscribers import reactions
from subscribers.ids import decode
from subscribers.models import List, Tag
from subscribers.services.audience import lists, tags
from subscribers.services.audience.subscribers import merge_attributes
from subscribers.services.consent import unsubscribing
from subscribers.wire import json_gate

Changing = steps.UpdateTagsStep | steps.UpdateListStep | steps.UpdateSubscriberStep
CHANGES = (steps.UpdateTagsStep, steps.UpdateListStep, steps.UpdateSubscriberStep)
METHOD = "sequence_step"


def apply_all(
    going: Several[tuple[ClaimedEnrollment, Position]], *, now: datetime
) -> list[dict[str, Any]]:
    """Do what the steps say at which the enrollments stand; returns what each came to, in order.

    Tags of many enrollments are changed together: one statement for each kind of change.
    """
    outcomes: list[dict[str, Any]] = []
    changed = TagChanges()
    id_of = _tag_ids(going)
    for enrollment, position in going:
        step = position.placed.step if position.placed else None
        match step:
            case steps.UpdateTagsStep():
                outcomes.append(_update_tags(step, enrollment, id_of, changed))
            case steps.UpdateListStep():
                outcomes.append(_update_lists(step, enrollment, now))
            case steps.UpdateSubscriberStep():
                outcomes.append(_update_subscriber(step, enrollment, now))
            case _:
                raise TypeError("Only a step that changes the person is carried out here.")
    changed.store(now=now)
    return outcomes


@dataclass(slots=True)
class TagChanges:
    """Changes of tags, by what is put on and taken off, until they are stored."""

    people: dict[tuple[frozenset[UUID], frozenset[UUID]], list[ClaimedEnrollment]] = field(
        default_factory=dict
    )

    def add(
        self, enrollment: ClaimedEnrollment, *, added: Several[UUID], removed: Several[UUID]
    ) -> None:
        """Note what an enrollment's step changes."""
        if added or removed:
            self.people.setdefault((frozenset(added), frozenset(removed)), []).append(enrollment)

    def store(self, *, now: datetime) -> None:
        """Write the changes, and tell what was put on."""
        for (added, removed), enrollments in self.people.items():
            tags.change_many(
                subscribers=[enrollment.subscriber for enrollment in enrollments],
                added=added,
                removed=removed,
            )
        for (added, _), enrollments in self.people.items():
            if added:
                _tell(added, enrollments, now)


def _tell(added: frozenset[UUID], enrollments: Several[ClaimedEnrollment], now: datetime) -> None:
    """Report tags that were put on, for enrollments that are alike together."""
    alike: dict[tuple[UUID, int, bool], list[UUID]] = {}
    for enrollment in enrollments:
        key = (enrollment.row.workspace_id, enrollment.row.depth, enrollment.row.is_test)
        alike.setdefault(key, []).append(enrollment.subscriber.pk)
    for (_, depth, is_test), subscriber_ids in alike.items():
        reactions.current().tags_added(
            subscriber_ids=subscriber_ids,
            tag_ids=sorted(added),
            now=now,
            depth=depth + 1,
            is_test=is_test,
        )


def _tag_ids(going: Several[tuple[ClaimedEnrollment, Position]]) -> dict[tuple[UUID, str], UUID]:
    """Return the tags that the steps name, by workspace and name; one query, or none."""
    placed = [
        (enrollment, position.placed.step) for enrollment, position in going if position.placed
    ]
    named = {
        name
        for _, step in placed
        if isinstance(step, steps.UpdateTagsStep)
        for name in (*step.remove, *step.add)
    }
    if not named:
        return {}
    workspaces = {enrollment.row.workspace_id for enrollment, _ in placed}
    rows = Tag.objects.filter(workspace__in=workspaces, name__in=named)
    columns = rows.values_list("workspace_id", "name", "pk")
    return {(workspace_id, name): tag_id for workspace_id, name, tag_id in columns}


def _update_tags(
    step: steps.UpdateTagsStep,
    enrollment: ClaimedEnrollment,
    id_of: Mapping[tuple[UUID, str], UUID],
    changed: TagChanges,
) -> dict[str, Any]:
    workspace_id, borne = enrollment.row.workspace_id, enrollment.tags
    known = {name for name in (*step.remove, *step.add) if (workspace_id, name) in id_of}
    removed = [name for name in step.remove if name in known and name in borne]
    added = [name for name in step.add if name in known and name not in borne]
    # What the next step of this or another of the person's enrollments sees.
    borne.difference_update(removed)
    borne.update(added)
    changed.add(
        enrollment,
        added=[id_of[workspace_id, name] for name in added],
        removed=[id_of[workspace_id, name] for name in removed],
    )
    gone = [name for name in (*step.remove, *step.add) if name not in known]
    return _without_empty({"tagsAdded": added, "tagsRemoved": removed, "gone": gone})


def _update_lists(
    step: steps.UpdateListStep, enrollment: ClaimedEnrollment, now: datetime
) -> dict[str, Any]:
    wanted = {reference: decode("lst", reference) for reference in (*step.leave, *step.join)}
    ids = [list_id for list_id in wanted.values() if list_id is not None]
    rows = List.objects.filter(workspace=enrollment.workspace, pk__in=ids)
    name_of = dict(rows.values_list("pk", "name"))
    to_leave = [list_id for each in step.leave if (list_id := wanted[each]) in name_of]
    to_join = [list_id for each in step.join if (list_id := wanted[each]) in name_of]
    enrollment.shared.forget_lists()
    left = lists.leave(subscriber=enrollment.subscriber, list_ids=to_leave, now=now)
    joined = lists.join(subscriber=enrollment.subscriber, list_ids=to_join, now=now)
    if joined:
        reactions.current().list_joined(
            subscriber_ids=[enrollment.subscriber.pk],
            list_ids=joined,
            now=now,
            depth=enrollment.row.depth + 1,
            is_test=enrollment.row.is_test,
        )
    return _without_empty(
        {
            "listsJoined": [name_of[each] for each in joined],
            "listsLeft": [name_of[each] for each in left],
            "gone": [each for each, list_id in wanted.items() if list_id not in name_of],
        }
    )


def _update_subscriber(
    step: steps.UpdateSubscriberStep, enrollment: ClaimedEnrollment, now: datetime
) -> dict[str, Any]:
    person = enrollment.subscriber
    changes: dict[str, Any] = {}
    if step.first_name is not None:
        changes["first_name"] = step.first_name
    if step.last_name is not None:
        changes["last_name"] = step.last_name
    outcome: dict[str, Any] = {}
    if step.attributes:
        merged = merge_attributes(person.attributes, step.attributes)
        if len(json_gate.compact(merged)) > settings.MAX_ATTRIBUTES_BYTES:
            outcome["refused"] = "attributes_too_large"
        else:
            changes["attributes"] = merged
    if changes:
        for name, value in changes.items():
            setattr(person, name, value)
        person.updated_at = now
        person.save(update_fields=[*changes, "updated_at"])
    if step.status == "unsubscribed":
        unsubscribing.leave(subscriber_ids=[person.pk], now=now, method=METHOD)
        person.refresh_from_db(fields=["status"])
    elif step.status == "active" and person.status != person.Status.ACTIVE:
        # Coming back takes the person's own confirmation.
        outcome["refused"] = "not_resubscribed"
    return {**outcome, "changed": sorted(changes)} if changes else outcome


def _without_empty(parts: dict[str, list[str]]) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value}
