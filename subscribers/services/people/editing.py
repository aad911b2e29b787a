"""Changes a subscriber's profile, tags and lists, for operators and for the API."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from subscribers import reactions
from subscribers.models import ConsentRecord, List, Subscriber, Tag, Workspace
from subscribers.services.audience import lists, subscribers, tags
from subscribers.services.consent import ledger
from subscribers.services.consent.confirmations import ConfirmationMethod
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.people.erasing import SubscriberGone
from subscribers.wire import json_gate


class ExternalIdTaken(ValueError):
    """Another subscriber of the workspace has the external id."""

    code = "CONFLICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What is to change; what is not named stays as it is.

    `columns` are texts of the profile and the external id (None: no longer any) with their new
    values. An attribute of None is removed.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags_added: Collection[str] = ()
    tags_removed: Collection[str] = ()
    lists_joined: Collection[UUID] = ()
    lists_left: Collection[UUID] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that changed: of a column or attribute the old and new value, or None.

    Of tags and lists the `new` ones were added, and the `old` ones removed.
    """

    name: str
    old: Any
    new: Any


def edit(
    *,
    subscriber_id: UUID,
    wanted: Edit,
    attributes_bytes: int,
    starts_sequences: bool,
    circumstances: Circumstances,
    now: datetime,
    source: str = ConfirmationMethod.HAND,
    is_test: bool = False,
) -> list[Change]:
    """Change a person; returns what changed. One transaction, under their lock. Idempotent.

    `starts_sequences`: new tags and lists start and stop sequences, as they do by the API. Dates
    in attributes that enrollments wait for are read again in any case. `source` is the ledger's
    word for who asked. Raises `ExternalIdTaken`,
    `SubscriberGone`, `InvalidTagName`, and `InvalidRequest` where attributes are too large.
    """
    workspace = Workspace.objects.get(subscribers=subscriber_id)
    added = tags.ensure(workspace=workspace, names=wanted.tags_added)
    with transaction.atomic():
        person = Subscriber.objects.locked_one(subscriber_id)
        if person is None:
            raise SubscriberGone("The person is gone already.")
        person.workspace = workspace
        changes = _change_columns(person, wanted, attributes_bytes)
        if changes:
            _save(person, [each.name for each in changes], now)
        names = _changed_attributes(changes)
        if names:
            reactions.current().attributes_changed(subscriber_ids=[person.pk], names=names, now=now)
        started = _Started(starts_sequences=starts_sequences, is_test=is_test, now=now)
        changes += _change_tags(person, added, wanted, started)
        changes += _change_lists(person, wanted, circumstances, source, started)
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """Reports what starts sequences, where that is asked for."""

    starts_sequences: bool
    is_test: bool
    now: datetime

    def by_tags(self, person: Subscriber, tag_ids: Collection[UUID]) -> None:
        if tag_ids and self.starts_sequences:
            reactions.current().tags_added(
                subscriber_ids=[person.pk],
                tag_ids=sorted(tag_ids),
                now=self.now,
                is_test=self.is_test,
            )

    def by_lists(self, person: Subscriber, list_ids: Sequence[UUID]) -> None:
        if list_ids and self.starts_sequences:
            reactions.current().list_joined(
                subscriber_ids=[person.pk],
                list_ids=list_ids,
                now=self.now,
                is_test=self.is_test,
            )


def _change_columns(person: Subscriber, wanted: Edit, attributes_bytes: int) -> list[Change]:
    changes = []
    for name, value in wanted.columns.items():
        old = getattr(person, name)
        if old != value:
            setattr(person, name, value)
            changes.append(Change(name=name, old=old, new=value))
    merged = subscribers.merge_attributes(person.attributes, wanted.attributes)
    if not json_gate.is_same(merged, person.attributes):
        subscribers.check_size(merged=merged, attributes_bytes=attributes_bytes)
        changes.append(Change(name="attributes", old=person.attributes, new=merged))
        person.attributes = merged
    return changes


def _save(person: Subscriber, names: list[str], now: datetime) -> None:
    person.updated_at = now
    try:
        with transaction.atomic():
            person.save(update_fields=[*names, "updated_at"])
    except IntegrityError as error:
        raise ExternalIdTaken(
            f"{person.external_id} is somebody else's: merge the two, if they are one person."
        ) from error


def _changed_attributes(changes: Collection[Change]) -> set[str]:
    for each in changes:
        if each.name == "attributes":
            return subscribers.changed_attributes(each.old, each.new)
    return set()


def _change_tags(
    person: Subscriber,
    added: Mapping[str, Tag],
    wanted: Edit,
    started: _Started,
) -> list[Change]:
    had = tags.names_of(person)
    new = {tag.pk: tag.name for tag in added.values() if tag.pk not in had}
    gone = {tag_id: name for tag_id, name in had.items() if name in wanted.tags_removed}
    tags.change(subscriber=person, added=new, removed=gone)
    started.by_tags(person, new)
    return _named("tags", gone.values(), new.values())


def _change_lists(
    person: Subscriber,
    wanted: Edit,
    circumstances: Circumstances,
    source: str,
    started: _Started,
) -> list[Change]:
    now = started.now
    rows = List.objects.filter(workspace=person.workspace_id).order_by("name")
    named = rows.filter(pk__in=[*wanted.lists_joined, *wanted.lists_left])
    names: dict[UUID, str] = dict(named.values_list("pk", "name"))
    left = lists.leave(subscriber=person, list_ids=names.keys() & wanted.lists_left, now=now)
    joining = [list_id for list_id in names if list_id in wanted.lists_joined]
    joined = lists.join(subscriber=person, list_ids=joining, now=now)
    for kind, list_ids in (
        (ConsentRecord.Kind.LEFT_LIST, left),
        (ConsentRecord.Kind.JOINED_LIST, joined),
    ):
        for list_id in list_ids:
            ledger.record(
                subscriber=person,
                kind=kind,
                circumstances=circumstances,
                now=now,
                method=source,
                list_name=names[list_id],
            )
    started.by_lists(person, joined)
    return _named("lists", [names[each] for each in left], [names[each] for each in joined])


def _named(what: str, gone: Collection[str], new: Collection[str]) -> list[Change]:
    return [Change(name=what, old=sorted(gone), new=sorted(new))] if gone or new else []
