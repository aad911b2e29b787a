"""What a step changes of a person, decided on plain values.

The engine writes the decision and the simulation applies it to values, so they agree. What a new
tag or list starts and stops is in `triggers`.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, assert_never
from uuid import UUID

from events.decisions.sync_rules import TagRef
from events.language import steps
from subscribers.wire import json_gate


@dataclass(frozen=True, slots=True)
class ListRef:
    id: UUID
    name: str


Ref = TypeVar("Ref", TagRef, ListRef)


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The workspace's tags and lists that steps name: by name, and by id on the wire."""

    tags: dict[str, TagRef] = field(default_factory=dict)
    lists: dict[str, ListRef] = field(default_factory=dict)


class PersonFacts(Protocol):
    """What steps read and change of a person."""

    @property
    def tags(self) -> set[str]: ...

    @property
    def lists(self) -> set[str]:
        """The lists that the person is on now, as `lst_` ids."""

    @property
    def attributes(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChange:
    """What changes; `outcome` is for the step run."""

    tags_added: Sequence[TagRef] = ()
    tags_removed: Sequence[TagRef] = ()
    lists_joined: Sequence[ListRef] = ()
    lists_left: Sequence[ListRef] = ()
    # Columns of the subscriber with their new values.
    columns: Mapping[str, Any] = field(default_factory=dict)
    # The person unsubscribes, if they have not yet.
    is_leaving: bool = False
    outcome: Mapping[str, Any]


def decide(
    step: steps.ChangingStep,
    *,
    person: PersonFacts,
    status: str,
    known: KnownNames,
    most_bytes: int,
) -> PersonChange:
    """Return what the step changes; a tag or list that no longer exists is only in the outcome.

    `status` is the person's; `most_bytes` limits the attributes together.
    """
    match step:
        case steps.UpdateTagsStep():
            removed = _known(step.remove, known.tags, person.tags)
            added = _known(step.add, known.tags, known.tags.keys() - person.tags)
            gone = [name for name in step.tags if name not in known.tags]
            outcome = {"tagsAdded": _names(added), "tagsRemoved": _names(removed), "gone": gone}
            return PersonChange(
                tags_added=added, tags_removed=removed, outcome=_without_empty(outcome)
            )
        case steps.UpdateListStep():
            left = _known(step.leave, known.lists, person.lists)
            stays = person.lists.difference(step.leave)
            joined = _known(step.join, known.lists, known.lists.keys() - stays)
            gone = [each for each in (*step.leave, *step.join) if each not in known.lists]
            outcome = {"listsJoined": _names(joined), "listsLeft": _names(left), "gone": gone}
            return PersonChange(
                lists_joined=joined, lists_left=left, outcome=_without_empty(outcome)
            )
        case steps.UpdateSubscriberStep():
            return _change_columns(step, person.attributes, status, most_bytes)
        case _ as never:
            assert_never(never)


def _change_columns(
    step: steps.UpdateSubscriberStep, attributes: Mapping[str, Any], status: str, most_bytes: int
) -> PersonChange:
    given = {"first_name": step.first_name, "last_name": step.last_name}
    columns: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    outcome: dict[str, Any] = {}
    if step.attributes:
        merged = {**attributes, **step.attributes}
        merged = {name: value for name, value in merged.items() if value is not None}
        if len(json_gate.compact(merged)) > most_bytes:
            outcome["refused"] = "attributes_too_large"
        else:
            columns["attributes"] = merged
    if step.status == "active" and status != "active":
        # Only the person can resubscribe, by confirming.
        outcome["refused"] = "not_resubscribed"
    if columns:
        outcome["changed"] = sorted(columns)
    is_leaving = step.status == "unsubscribed"
    return PersonChange(columns=columns, is_leaving=is_leaving, outcome=outcome)


def _known(names: Sequence[str], known: Mapping[str, Ref], among: Set[str]) -> list[Ref]:
    return [known[name] for name in names if name in known and name in among]


def _names(refs: Sequence[TagRef | ListRef]) -> list[str]:
    return [ref.name for ref in refs]


def _without_empty(parts: dict[str, list[str]]) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value}
