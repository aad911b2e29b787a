"""Rows of files as events: what each column means, and the API's faults for a row.

A row becomes the body of a request for one event, which `parse_person` and `parse_event` judge: the
same limits and sentences. An identity that comes again is not judged again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from events.intake.cells import FIELDS, OF_PROFILE
from events.intake.payloads import EventDraft, Limits, RejectedEvent, parse_event
from events.intake.presets import Preset, PutOver
from subscribers.rows import address_cells
from subscribers.rows.columns import ColumnReader, look_up
from subscribers.rows.plans import BY_MAP, BY_NAME, NO_PLAN, ColumnPlan
from subscribers.wire.addresses import Address
from subscribers.wire.payloads import Fault, InvalidRequest, Person, parse_person

# The most people with their addresses in memory: some 40 MB.
MOST_REMEMBERED = 150_000
# The fields of a person besides the address and the attributes.
BESIDE_EMAIL = frozenset({"externalId", "resubscribe", *OF_PROFILE})
NO_TIME = Fault("occurredAt", "is missing: history without its own time would be dated now.")
# Rules of columns that count beside a preset and over it.
BESIDE_A_PRESET = frozenset({BY_MAP, BY_NAME})
PROFILE = frozenset({"customAttributes", *OF_PROFILE})
NOT_TOGETHER = "cannot be built: none of {columns} has a value."


class EventRow(msgspec.Struct, frozen=True, gc=False):
    person: Person
    event: EventDraft


class EventReader:
    """Reads rows of one import; not for two threads at once."""

    def __init__(
        self,
        *,
        limits: Limits,
        plan: ColumnPlan = NO_PLAN,
        preset: Preset | None = None,
        event_id_from: Sequence[str] = (),
        is_live_kept: bool = False,
        needs_time: bool = False,
        ignores_profile: bool = False,
    ) -> None:
        """`event_id_from` are the file's columns. `is_live_kept` lets recent events be live; else
        every event is history. `needs_time`: a row without a time is a fault instead of now.
        `ignores_profile`: rows say of people only who they are.
        """
        self.limits = limits
        self.preset = preset
        self.event_id_from = tuple(event_id_from)
        self.is_live_kept = is_live_kept
        self.needs_time = needs_time
        self.ignores_profile = ignores_profile
        self._columns = ColumnReader(fields=FIELDS, plan=plan)
        self._is_file = bool(plan.columns)
        self._people: dict[object, Person] = {}

    def read(
        self, fields: dict[str, Any], *, columns: tuple[str, ...] | None, now: datetime
    ) -> EventRow | tuple[Fault, ...]:
        """Return the row's event, or every fault found in it.

        `columns` is the header of a CSV file, None where the row was a JSON object.
        """
        try:
            body = (
                self._columns.body(fields, columns)
                if self.preset is None
                else self._preset_body(self.preset, fields, is_table=columns is not None)
            )
        except InvalidRequest as error:
            return error.faults
        if self.event_id_from and body.get("eventId") is None:
            event_id = self._build_event_id(fields)
            if event_id is None:
                message = NOT_TOGETHER.format(columns=", ".join(self.event_id_from))
                return (Fault("eventId", message),)
            body = {**body, "eventId": event_id}
        if self.ignores_profile:
            body = {name: value for name, value in body.items() if name not in PROFILE}
        person = self._read_person(body)
        event = parse_event(body, limits=self.limits, now=now)
        if isinstance(event, RejectedEvent):
            return (event.fault,) if isinstance(person, Person) else (*person, event.fault)
        if not event.is_historical:
            if self.needs_time and event.occurred_at is now:
                return (NO_TIME,)
            if not self.is_live_kept:
                event = msgspec.structs.replace(event, is_historical=True)
        if not isinstance(person, Person):
            return person
        return EventRow(person, event)

    def _preset_body(
        self, preset: Preset, fields: Mapping[str, Any], *, is_table: bool
    ) -> dict[str, Any]:
        """Return the body of a preset, with the columns over it that it does not read."""
        put_over: PutOver = partial(
            self._columns.put_over, rules=BESIDE_A_PRESET, is_table=is_table
        )
        return preset.body(fields, is_table=is_table, put_over=put_over)

    def _build_event_id(self, fields: dict[str, Any]) -> str | None:
        """Return the SHA-256 of the named columns' values; None when all of them are empty."""
        values = [look_up(fields, name) for name in self.event_id_from]
        if all(value is None or value == "" for value in values):
            return None
        return hashlib.sha256(msgspec.json.encode(values)).hexdigest()

    def _read_person(self, body: Mapping[str, Any]) -> Person | tuple[Fault, ...]:
        if body.get("customAttributes") is not None:
            return self._parse_person(body)
        email = body.get("email")
        # Most rows have an address alone, which needs no tuple in memory.
        is_alone = BESIDE_EMAIL.isdisjoint(body)
        given: object = email if is_alone else (email, *map(body.get, BESIDE_EMAIL))
        try:
            known = self._people.get(given)
        except TypeError:
            # An array or an object, which no field of a person may have.
            return self._parse_person(body)
        if known is not None:
            return known
        person = self._parse_person(body)
        if isinstance(person, Person):
            if len(self._people) >= MOST_REMEMBERED:
                self._people.clear()
            self._people[given] = person = _with_one_text(person, email)
        return person

    def _parse_person(self, body: Mapping[str, Any]) -> Person | tuple[Fault, ...]:
        try:
            return parse_person(body, attributes_bytes=self.limits.attributes_bytes)
        except InvalidRequest as error:
            bare = address_cells.bared(body) if self._is_file else None
            if bare is None:
                return error.faults
        try:
            return parse_person(bare, attributes_bytes=self.limits.attributes_bytes)
        except InvalidRequest as error:
            return error.faults


def _with_one_text(person: Person, given: object) -> Person:
    """Return the person with one copy of an address whose two forms are equal; saves memory."""
    email = person.email
    if email is None or not isinstance(given, str) or email.text != given:
        return person
    key = given if email.key == given else email.key
    return replace(person, email=Address(text=given, key=key))
