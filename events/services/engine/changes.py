"""Steps that change a person: tags, lists, names and attributes; under the subscriber's lock.

What a change sets off (a tag that starts or stops a run) happens in the same transaction. A tag or
list that is gone is left out, and the outcome says so.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from events.language import steps
from events.services.engine.claimed import Run
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


def apply_all(going: Several[tuple[Run, Position]], *, now: datetime) -> list[dict[str, Any]]:
    """Do what the steps say at which the runs stand; returns what each came to, in order.

    Tags of many runs are changed together: one statement for each kind of change.
    """
    outcomes: list[dict[str, Any]] = []
    changed = TagChanges()
    id_of = _tag_ids(going)
    for run, position in going:
        step = position.placed.step if position.placed else None
        match step:
            case steps.UpdateTagsStep():
                outcomes.append(_update_tags(step, run, id_of, changed))
            case steps.UpdateListStep():
                outcomes.append(_update_lists(step, run, now))
            case steps.UpdateSubscriberStep():
                outcomes.append(_update_subscriber(step, run, now))
            case _:
                raise TypeError("Only a step that changes the person is carried out here.")
    changed.store(now=now)
    return outcomes


@dataclass(slots=True)
class TagChanges:
    """Changes of tags, by what is put on and taken off, until they are stored."""

    people: dict[tuple[frozenset[UUID], frozenset[UUID]], list[Run]] = field(default_factory=dict)

    def add(self, run: Run, *, added: Several[UUID], removed: Several[UUID]) -> None:
        """Note what a run's step changes."""
        if added or removed:
            self.people.setdefault((frozenset(added), frozenset(removed)), []).append(run)

    def store(self, *, now: datetime) -> None:
        """Write the changes, and tell what was put on."""
        for (added, removed), runs in self.people.items():
            tags.change_many(
                subscribers=[run.subscriber for run in runs], added=added, removed=removed
            )
        for (added, _), runs in self.people.items():
            if added:
                _tell(added, runs, now)


def _tell(added: frozenset[UUID], runs: Several[Run], now: datetime) -> None:
    """Report tags that were put on, for runs that are alike together."""
    alike: dict[tuple[UUID, int, bool], list[UUID]] = {}
    for run in runs:
        key = (run.row.workspace_id, run.row.depth, run.row.is_test)
        alike.setdefault(key, []).append(run.subscriber.pk)
    for (_, depth, is_test), subscriber_ids in alike.items():
        reactions.current().tags_added(
            subscriber_ids=subscriber_ids,
            tag_ids=sorted(added),
            now=now,
            depth=depth + 1,
            is_test=is_test,
        )


def _tag_ids(going: Several[tuple[Run, Position]]) -> dict[tuple[UUID, str], UUID]:
    """Return the tags that the steps name, by workspace and name; one query, or none."""
    placed = [(run, position.placed.step) for run, position in going if position.placed]
    named = {
        name
        for _, step in placed
        if isinstance(step, steps.UpdateTagsStep)
        for name in (*step.remove, *step.add)
    }
    if not named:
        return {}
    workspaces = {run.row.workspace_id for run, _ in placed}
    rows = Tag.objects.filter(workspace__in=workspaces, name__in=named)
    columns = rows.values_list("workspace_id", "name", "pk")
    return {(workspace_id, name): tag_id for workspace_id, name, tag_id in columns}


def _update_tags(
    step: steps.UpdateTagsStep,
    run: Run,
    id_of: Mapping[tuple[UUID, str], UUID],
    changed: TagChanges,
) -> dict[str, Any]:
    workspace_id, borne = run.row.workspace_id, run.tags
    known = {name for name in (*step.remove, *step.add) if (workspace_id, name) in id_of}
    removed = [name for name in step.remove if name in known and name in borne]
    added = [name for name in step.add if name in known and name not in borne]
    # What the next step of this or another of the person's runs sees.
    borne.difference_update(removed)
    borne.update(added)
    changed.add(
        run,
        added=[id_of[workspace_id, name] for name in added],
        removed=[id_of[workspace_id, name] for name in removed],
    )
    gone = [name for name in (*step.remove, *step.add) if name not in known]
    return _without_empty({"tagsAdded": added, "tagsRemoved": removed, "gone": gone})


def _update_lists(step: steps.UpdateListStep, run: Run, now: datetime) -> dict[str, Any]:
    wanted = {reference: decode("lst", reference) for reference in (*step.leave, *step.join)}
    ids = [list_id for list_id in wanted.values() if list_id is not None]
    rows = List.objects.filter(workspace=run.workspace, pk__in=ids)
    name_of = dict(rows.values_list("pk", "name"))
    to_leave = [list_id for each in step.leave if (list_id := wanted[each]) in name_of]
    to_join = [list_id for each in step.join if (list_id := wanted[each]) in name_of]
    run.shared.forget_lists()
    left = lists.leave(subscriber=run.subscriber, list_ids=to_leave, now=now)
    joined = lists.join(subscriber=run.subscriber, list_ids=to_join, now=now)
    if joined:
        reactions.current().list_joined(
            subscriber_ids=[run.subscriber.pk],
            list_ids=joined,
            now=now,
            depth=run.row.depth + 1,
            is_test=run.row.is_test,
        )
    return _without_empty(
        {
            "listsJoined": [name_of[each] for each in joined],
            "listsLeft": [name_of[each] for each in left],
            "gone": [each for each, list_id in wanted.items() if list_id not in name_of],
        }
    )


def _update_subscriber(step: steps.UpdateSubscriberStep, run: Run, now: datetime) -> dict[str, Any]:
    person = run.subscriber
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
