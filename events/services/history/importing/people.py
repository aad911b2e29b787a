"""The people of an import's rows: found, created, completed; many at a time.

The rules are those of `subscribers.services.audience.subscribers`, row by row in the order of the
file, with two exceptions: history only fills what is empty, and belongs to the address where the
external id is somebody else's. Kept in memory: a person as read, and as the rows before left them.
Locks: the people who change, in the order of their ids; they are read again under the lock.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Max

from events.models import Event
from events.services.history.importing.store import Key, Known, Store
from subscribers import reactions
from subscribers.ids import new_ids
from subscribers.models import Confirmation, ListMembership, Subscriber, Workspace
from subscribers.services.audience import subscribers
from subscribers.services.audience.subscribers import (
    changed_attributes,
    changes_to,
    merge_attributes,
)
from subscribers.wire import profile
from subscribers.wire.payloads import Fault, InvalidRequest, Person

# The limit of people in memory: about 40 MB.
MOST_REMEMBERED = 150_000
# Each request for ids asks the system for randomness.
IDS_AT_ONCE = 100
PLACES = {name: place for place, name in enumerate(profile.NAMES)}


class Attributes(StrEnum):
    """What rows of history do with attributes of known people."""

    # Only what is empty, as names.
    FILL = "fill"
    # A row that is newer than all events of the person counts.
    NEWEST = "newest"
    # Rows say nothing about people but who they are.
    IGNORE = "ignore"


class PeopleChanged(Exception):
    """A person was changed between the first read and the lock: start again."""


class People:
    def __init__(
        self,
        *,
        store: Store,
        attributes_bytes: int,
        is_dry_run: bool,
        attributes: Attributes = Attributes.FILL,
    ) -> None:
        """In a dry run all people that it would have created stay in memory."""
        self.store = store
        self.attributes = attributes
        # With `newest`, in this batch: when the newest event of a person occurred.
        self.newest_by_key: dict[Key, datetime] = {}
        self.is_dry_run = is_dry_run
        self.attributes_bytes = attributes_bytes
        self.by_email: dict[str, Known] = {}
        self.by_external_id: dict[str, Known] = {}
        # In this batch: created, or read under their lock.
        self.made: list[Known] = []
        self.changed: dict[Key, Known] = {}
        # In this batch: of the people who changed.
        self.attribute_names: set[str] = set()
        # People whom a dry run would have created in earlier batches.
        self.imagined: set[Key] = set()
        self._spare_ids: list[UUID] = []

    def begin(self, persons: Iterable[Person], *, workspace_id: UUID) -> None:
        """Start a batch: find the people who are not remembered; one query at most."""
        self._let_go()
        if len(self.by_email) > MOST_REMEMBERED and not self.is_dry_run:
            self.forget()
        # Keeps one copy of the same text.
        emails: dict[str, str] = {}
        external_ids: set[str] = set()
        for person in persons:
            if person.email is not None and person.email.key not in self.by_email:
                emails[person.email.key] = person.email.key
            if person.external_id is not None and person.external_id not in self.by_external_id:
                external_ids.add(person.external_id)
        if emails or external_ids:
            for known in self.store.find_people(workspace_id, emails.keys(), external_ids):
                known.email_key = emails.get(known.email_key, known.email_key)
                self._remember(known)

    def forget(self) -> None:
        self.by_email.clear()
        self.by_external_id.clear()
        self.made, self.changed = [], {}
        self.imagined.clear()

    def lock(self, keys: Iterable[Key]) -> None:
        """Lock people and read them again; raises `PeopleChanged` if one became another."""
        wanted = set(keys) - self.imagined
        if not wanted:
            return
        by_key = {known.key: known for known in self.store.lock_people(sorted(wanted))}
        if len(by_key) < len(wanted):
            raise PeopleChanged
        for known in by_key.values():
            before = self.by_email.get(known.email_key)
            if before is None or before.key != known.key:
                raise PeopleChanged
            if before.external_id is not None and before.external_id != known.external_id:
                raise PeopleChanged
            self._remember(known)
            known.email_key = before.email_key
        self.changed = by_key
        if self.attributes is Attributes.NEWEST:
            by_id = {self.store.id_of(key): key for key in by_key}
            newest = Event.objects.filter(subscriber__in=by_id).values_list("subscriber")
            for row_id, newest_at in newest.annotate(Max("occurred_at")):
                self.newest_by_key[by_id[row_id]] = newest_at

    def would_change(self, person: Person, known: Known) -> bool:
        return bool(
            person.attributes
            or (person.external_id is not None and known.external_id is None)
            or (person.texts and any(not known.texts[PLACES[name]] for name in person.texts))
        )

    def is_refused(self, person: Person, *, given_with_email: set[str]) -> bool:
        """Tell whether a row is certain to be refused, whatever the rows before it do."""
        # A row without an address is refused only for an unknown external id.
        may_come = person.email is None and person.external_id in given_with_email
        return isinstance(self.choose(person), Fault) and not may_come

    def resolve(self, person: Person, *, occurred_at: datetime, now: datetime) -> Known | Fault:
        """Return the person of the row, changed by it, or why the row is refused."""
        known = self.choose(person)
        if isinstance(known, Fault):
            return known
        if known is None:
            known = self._make(person, now)
            self.newest_by_key[known.key] = occurred_at
            return known
        replaces = self.attributes is Attributes.NEWEST and self._is_newest(known, occurred_at)
        if person.attributes or person.texts:
            fault = self._complete(known, person, replaces=replaces)
            if fault is not None:
                return fault
        is_free = person.external_id not in self.by_external_id
        if person.external_id is not None and known.external_id is None and is_free:
            self._touch(known)
            known.external_id = person.external_id
            self.by_external_id[person.external_id] = known
        return known

    def create(self, *, workspace: Workspace, list_ids: Iterable[UUID], now: datetime) -> None:
        """Insert the new people of this batch, with lists or an open confirmation.

        Raises `IntegrityError` if one of them was created elsewhere meanwhile.
        """
        if not self.made:
            return
        made = sorted(self.made, key=lambda known: known.email_key)
        status = Subscriber.Status.PENDING if workspace.double_opt_in else Subscriber.Status.ACTIVE
        self.store.insert_people(made, workspace_id=workspace.pk, status=status, now=now)
        ids = [self.store.id_of(known.key) for known in made]
        if workspace.double_opt_in:
            Confirmation.objects.bulk_create(
                Confirmation(workspace_id=workspace.pk, subscriber_id=person_id, asked_at=now)
                for person_id in ids
            )
            return
        ListMembership.objects.bulk_create(
            ListMembership(
                workspace_id=workspace.pk,
                subscriber_id=person_id,
                list_id=list_id,
                subscribed_at=now,
            )
            for person_id in ids
            for list_id in list_ids
        )

    def write_changes(self, oldest_by_key: dict[Key, datetime], *, now: datetime) -> None:
        older, touched = [], []
        for known in self.changed.values():
            oldest_at = oldest_by_key.get(known.key, known.created_at)
            is_older = oldest_at < known.created_at
            known.created_at = min(oldest_at, known.created_at)
            if known.is_touched:
                touched.append(known)
            elif is_older:
                older.append(known)
        if older or touched:
            self.store.update_people(older=older, touched=touched, now=now)
        if self.attribute_names:
            reactions.current().attributes_changed(
                subscriber_ids=[self.store.id_of(known.key) for known in touched],
                names=self.attribute_names,
                now=now,
            )

    def _let_go(self) -> None:
        if self.is_dry_run:
            self.imagined.update(known.key for known in self.made)
        for known in [*self.made, *self.changed.values()]:
            known.is_touched, known.email = False, ""
            if not self.is_dry_run:
                known.attributes = None
        self.made, self.changed, self.attribute_names = [], {}, set()
        self.newest_by_key.clear()

    def choose(self, person: Person) -> Known | Fault | None:
        """Return who has the identity, None if nobody has, or why the row is refused."""
        by_address = self.by_email.get(person.email.key) if person.email else None
        if person.external_id is None:
            return by_address
        by_id = self.by_external_id.get(person.external_id)
        try:
            return subscribers.choose(by_address=by_address, by_external_id=by_id, person=person)
        except subscribers.IdentityConflict:
            # History is about the address; the import counts such rows.
            return by_address
        except subscribers.SubscriberNotFound as error:
            return Fault("", str(error))

    def _make(self, person: Person, now: datetime) -> Known:
        if person.email is None:
            raise TypeError("A person without an address cannot be created.")
        known = Known(
            key=self.store.key_of(self._next_id()),
            email=person.email.text,
            email_key=person.email.key,
            external_id=person.external_id,
            texts=tuple({**profile.EMPTY, **person.texts}.values()),
            created_at=now,
            attributes=merge_attributes({}, person.attributes),
        )
        self.made.append(known)
        self._remember(known)
        return known

    def _is_newest(self, known: Known, occurred_at: datetime) -> bool:
        """Tell whether no event of the person is newer; remembers this one."""
        newest_at = self.newest_by_key.get(known.key)
        if newest_at is not None and occurred_at < newest_at:
            return False
        self.newest_by_key[known.key] = occurred_at
        return True

    def _complete(self, known: Known, person: Person, *, replaces: bool) -> Fault | None:
        """Fill names, and fill or replace attributes; returns why the row is refused, if it is."""
        if known.attributes is None:
            if self.would_change(person, known):
                raise PeopleChanged
            return None
        if not replaces:
            # History says nothing about what is known today.
            absent = {
                key: value
                for key, value in person.attributes.items()
                if key not in known.attributes
            }
            person = replace(person, attributes=absent)
        stored = dict(zip(profile.COLUMNS, (*known.texts, known.attributes), strict=True))
        most = self.attributes_bytes
        try:
            changes = changes_to(stored=stored, person=person, attributes_bytes=most)
        except InvalidRequest as error:
            return error.faults[0]
        if changes:
            self._touch(known)
            after = changes.get("attributes", known.attributes)
            self.attribute_names |= changed_attributes(known.attributes, after)
            *texts, known.attributes = (stored | changes).values()
            known.texts = tuple(texts)
        return None

    def _next_id(self) -> UUID:
        if not self._spare_ids:
            self._spare_ids = new_ids(IDS_AT_ONCE)[::-1]
        return self._spare_ids.pop()

    def _touch(self, known: Known) -> None:
        if known.attributes is None:
            raise PeopleChanged
        known.is_touched = True

    def _remember(self, known: Known) -> None:
        self.by_email[known.email_key] = known
        if known.external_id is not None:
            self.by_external_id[known.external_id] = known
