"""Finds, creates and completes the subscriber of a request.

Runs inside the caller's transaction. Rows are locked by id and read after the lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q

from subscribers import reactions
from subscribers.ids import encode
from subscribers.models import Subscriber, Workspace
from subscribers.services.storage import quick_rows
from subscribers.wire import json_gate, profile
from subscribers.wire.payloads import Fault, InvalidRequest, Person

# Another round is needed when another request created or deleted the row meanwhile.
ROUNDS = 10


class Identified(Protocol):
    @property
    def external_id(self) -> str | None: ...


Row = TypeVar("Row", bound=Identified)


class IdentityConflict(ValueError):
    """Address and external id belong to two people, or the address has another external id."""

    code = "IDENTITY_CONFLICT"


class SubscriberNotFound(LookupError):
    """No subscriber has the external id, and no address was given."""

    code = "SUBSCRIBER_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """A subscriber's id, address and external id, without the rest of the row."""

    id: UUID
    email: str
    external_id: str | None

    @property
    def public_id(self) -> str:
        return encode("sub", self.id)


@dataclass(frozen=True, slots=True)
class Located:
    """A locked subscriber; `is_created` when this call inserted the row."""

    subscriber: Subscriber
    is_created: bool


def find_or_create(
    *, workspace: Workspace, person: Person, now: datetime, planned_id: UUID
) -> Located:
    """Return the subscriber, locked; create it under `planned_id` or add the external id where
    needed. A stored address or external id never changes. Two requests for one new subscriber make
    one row. Raises `IdentityConflict` and `SubscriberNotFound`.
    """
    email_key = person.email.key if person.email else None
    identified = Subscriber.objects.in_workspace(workspace).identified_by(
        email_key=email_key, external_id=person.external_id
    )
    planned: Subscriber | None = None
    for _ in range(ROUNDS):
        rows = list(identified.locked())
        by_key: dict[str | None, Subscriber] = {row.email_key: row for row in rows}
        by_external_id: dict[str | None, Subscriber] = {
            row.external_id: row for row in rows if row.external_id is not None
        }
        subscriber = choose(
            by_address=by_key.get(email_key),
            by_external_id=by_external_id.get(person.external_id),
            person=person,
        )
        if subscriber is None:
            planned = _plan(workspace, person, now, planned_id)
            # The loser of a race gets no row: the next round finds the winner's.
            quick_rows.insert([planned], or_ignore=True)
        elif _attach_external_id(subscriber, person, now):
            is_created = planned is not None and subscriber.pk == planned.pk
            return Located(subscriber=subscriber, is_created=is_created)
    raise OperationalError("The subscriber's row kept changing.")


def lock_all(*, workspace: Workspace, people: Sequence[Person]) -> None:
    """Lock everybody that these identities name, by id."""
    addresses = {person.email.key for person in people if person.email}
    external_ids = {person.external_id for person in people if person.external_id}
    named = Q(email_key__in=addresses) | Q(external_id__in=external_ids)
    list(Subscriber.objects.in_workspace(workspace).filter(named).locked())


def complete(
    *, subscriber: Subscriber, person: Person, attributes_bytes: int, now: datetime
) -> None:
    """Fill empty texts and merge attributes into the locked row. Raises as `changes_to` does."""
    before = subscriber.attributes
    changes = changes_to(
        stored={name: getattr(subscriber, name) for name in profile.COLUMNS},
        person=person,
        attributes_bytes=attributes_bytes,
    )
    if changes:
        for name, value in changes.items():
            setattr(subscriber, name, value)
        subscriber.updated_at = now
        subscriber.save(update_fields=[*changes, "updated_at"])
    if "attributes" in changes:
        names = changed_attributes(before, subscriber.attributes)
        reactions.current().attributes_changed(subscriber_ids=[subscriber.pk], names=names, now=now)


def kept_fields(*, stored: Mapping[str, Any], person: Person) -> list[str]:
    """Return the fields of texts that a request gives and that keep another stored value.

    `stored` has the columns of the texts, as they were before the request or after it.
    """
    return [
        text.wire_name
        for text in profile.TEXTS
        if text.name in person.texts and stored[text.name] not in {"", person.texts[text.name]}
    ]


def kept_attributes(*, stored: Mapping[str, Any], person: Person) -> list[str]:
    """Return the attributes that a request of history gives and that keep another stored value.

    `stored` are the person's attributes after the request.
    """
    return [
        name
        for name, given in person.attributes.items()
        if name in stored and not json_gate.is_same(stored[name], given)
    ]


def changes_to(
    *, stored: Mapping[str, Any], person: Person, attributes_bytes: int
) -> dict[str, Any]:
    """Return the changed profile columns with their new values. Raises as `check_size` does."""
    changes: dict[str, Any] = {
        name: text for name, text in person.texts.items() if not stored[name]
    }
    merged = merge_attributes(stored["attributes"], person.attributes)
    if not json_gate.is_same(merged, stored["attributes"]):
        check_size(merged=merged, attributes_bytes=attributes_bytes)
        changes["attributes"] = merged
    return changes


def changed_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return the names of attributes that were added, changed or removed."""
    return {name for name in before.keys() | after if before.get(name) != after.get(name)}


def check_size(*, merged: Mapping[str, Any], attributes_bytes: int) -> None:
    """Raise `InvalidRequest` when merged attributes exceed `attributes_bytes`."""
    size = len(json_gate.compact(merged))
    if size > attributes_bytes:
        message = f"would have {size} bytes once merged; at most {attributes_bytes} are stored."
        raise InvalidRequest(Fault("customAttributes", message))


def merge_attributes(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored attributes updated by the given ones; None removes a key."""
    merged = {**stored, **given}
    return {key: value for key, value in merged.items() if value is not None}


def absent_attributes(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given attributes that are not stored: what history and a fill may add."""
    return {key: value for key, value in given.items() if key not in stored}


def choose(*, by_address: Row | None, by_external_id: Row | None, person: Person) -> Row | None:
    """Return the row that the identity means; None when no row has it and it can be created. Pass
    the same object twice when one row has both the address and the external id. Raises
    `IdentityConflict` and `SubscriberNotFound`.
    """
    if by_address and by_external_id and by_address is not by_external_id:
        raise IdentityConflict("email and externalId belong to two different subscribers.")
    if by_address and by_address.external_id and person.external_id and not by_external_id:
        raise IdentityConflict("The subscriber with this email has another externalId.")
    found = by_address or by_external_id
    if found is None and person.email is None:
        raise SubscriberNotFound("No subscriber has this externalId; give an email to create one.")
    return found


def _plan(workspace: Workspace, person: Person, now: datetime, planned_id: UUID) -> Subscriber:
    if person.email is None:
        raise SubscriberNotFound("An email is needed to create a subscriber.")
    status = Subscriber.Status.PENDING if workspace.double_opt_in else Subscriber.Status.ACTIVE
    return Subscriber(
        id=planned_id,
        workspace=workspace,
        email=person.email.text,
        email_key=person.email.key,
        external_id=person.external_id,
        **person.texts,
        status=status,
        attributes=merge_attributes({}, person.attributes),
        created_at=now,
        updated_at=now,
    )


def _attach_external_id(subscriber: Subscriber, person: Person, now: datetime) -> bool:
    """Add the external id to a row without one; False when another row took it meanwhile."""
    if person.external_id is None or subscriber.external_id is not None:
        return True
    subscriber.external_id = person.external_id
    subscriber.updated_at = now
    try:
        with transaction.atomic():
            subscriber.save(update_fields=["external_id", "updated_at"])
    except IntegrityError:
        return False
    return True
