"""Batches of historical events: each in one transaction, in the design's order of locks.

People are looked up first, without a lock. Then come new names, under the workspace's row; the
people who change, by id; new people; the events; and people's dates of creation. Row by row the
rules are those of `events.services.ingestion.ingest`.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import OperationalError, connection

from events.intake.payloads import Limits
from events.intake.presets import NoEvent
from events.intake.rows import EventReader, EventRow
from events.models import EventDefinition
from events.services.configuration import sync_rules, watched_sequences
from events.services.history.importing.batches import ImportBatch, oldest_of
from events.services.history.importing.people import Attributes, People, PeopleChanged
from events.services.history.importing.postgresql import PostgreSQL
from events.services.history.importing.sqlite import SQLite
from events.services.history.importing.store import EventLine, Key, Known, ReadyRow, Store
from events.services.ingestion import definitions, fast_path, ingest
from events.services.ingestion.recording import Failed
from events.services.ingestion.request import IngestRequest
from events.services.planning import planning
from subscribers.ids import new_ids
from subscribers.models import Workspace
from subscribers.rows.row import Row
from subscribers.services.audience import lists
from subscribers.services.audience.subscribers import IdentityConflict, SubscriberNotFound
from subscribers.services.imports.loop import Parsed, RejectedAlone, RowsOutcome
from subscribers.services.imports.runs import Counted
from subscribers.wire.payloads import Fault, InvalidRequest

# The clock is read once, and ids are created, for so many rows.
ROWS_AT_ONE_MOMENT = 500
# A round fails if a person was changed between the first read and the lock.
ROUNDS = 10


class Configuration(msgspec.Struct, frozen=True):
    version: int
    list_ids: Sequence[UUID]
    # The effects of historical events by their name, as JSON.
    effects: dict[str, bytes] = {}


class EventImporter:
    """Parses rows to events in one thread and records them in another (`import_loop.Importer`)."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        reader: EventReader,
        limits: Limits,
        clock: Callable[[], datetime],
        is_dry_run: bool = False,
        attributes: Attributes = Attributes.FILL,
    ) -> None:
        """With `reader.is_live_kept`, live events are recorded one by one, with all effects.

        A dry run rolls its batches back and remembers what it would have created.
        """
        self.workspace = workspace
        self.reader = reader
        self.limits = limits
        self.clock = clock
        self.is_dry_run = is_dry_run
        self.store: Store = PostgreSQL() if connection.vendor == "postgresql" else SQLite()
        most = limits.attributes_bytes
        self.people = People(
            store=self.store,
            attributes_bytes=most,
            is_dry_run=is_dry_run,
            attributes=attributes,
        )
        self.definition_keys: dict[str, Key] = {}
        self.configuration: Configuration | None = None
        # In a dry run: hashes of the events that have ids.
        self.seen: set[int] = set()
        self._just_seen: set[int] = set()
        self._rows_until_tick = 0
        self._now = clock()
        self._ids: Iterator[UUID] = iter(())

    @property
    def rows_in_batch(self) -> int:
        return self.store.rows_in_batch

    @property
    def is_read_ahead(self) -> bool:
        return self.store.is_read_ahead

    def parse(self, row: Row) -> Parsed[ReadyRow]:
        self._rows_until_tick -= 1
        if self._rows_until_tick < 0:
            self._rows_until_tick, self._now = ROWS_AT_ONE_MOMENT - 1, self.clock()
            self._ids = iter(new_ids(ROWS_AT_ONE_MOMENT))
        found = self.reader.read(row.fields or {}, columns=row.columns, now=self._now)
        if not isinstance(found, EventRow):
            return Parsed(row, None, found)
        row_id = next(self._ids)
        packed = self.store.pack(row_id, found.event)
        return Parsed(row, ReadyRow(row_id, found.person, found.event, packed))

    def is_alone(self, value: ReadyRow) -> bool:
        """A live event has effects, so it gets a transaction of its own."""
        return not value.event.is_historical

    def forget(self) -> None:
        self.people.forget()
        self._just_seen.clear()
        self.definition_keys.clear()
        self.configuration = None

    def record(self, parsed: Sequence[Parsed[ReadyRow]], *, now: datetime) -> RowsOutcome:
        """Record historical events inside the caller's transaction."""
        workspace = Workspace.objects.get(pk=self.workspace.pk)
        configuration = self._configure(workspace)
        batch = self._plan(parsed, workspace, now)
        created = self.people.made
        for known in created:
            known.created_at = min(now, batch.oldest_by_key[known.key])
        self.people.create(workspace=workspace, list_ids=configuration.list_ids, now=now)
        self._fill_effects(batch.names_used, configuration)
        lines = self._write(self._lines(batch, configuration), now)
        good = len(parsed) - len(batch.rejected)
        counted = Counted(
            rows=good,
            recorded=len(lines),
            duplicates=good - len(lines),
            subscribers_created=len(created),
            definitions_created=batch.definitions_made,
            conflicts=batch.conflicts,
        )
        if lines:
            moments = [line.row.event.occurred_at for line in lines]
            counted.occurred(oldest_at=min(moments), newest_at=max(moments))
        rejected = batch.rejected_in_order()
        for refused in rejected:
            counted.reject(refused)
        # An archive of all calls has more rows that are no events than wrong ones: counted alone.
        wrong = [each for each in rejected if not isinstance(each.faults[0], NoEvent)]
        return RowsOutcome(counted, wrong)

    def record_alone(
        self,
        parsed: Parsed[ReadyRow],
        *,
        now: datetime,
        before_commit: Callable[[RowsOutcome], None],
    ) -> None:
        if parsed.value is None:
            raise TypeError("Only a row that is good can be recorded alone.")
        request = IngestRequest(
            workspace=Workspace.objects.get(pk=self.workspace.pk),
            person=parsed.value.person,
            events=[parsed.value.event],
            limits=self.limits,
            now=now,
        )
        # The ids rise with the rows, live or not.
        (person_id,) = new_ids(1)
        planned = fast_path.PlannedIds(subscriber=person_id, events=[parsed.value.id])
        try:
            ingest.record(
                request,
                earlier=ingest.Attempt(refusal=fast_path.Refusal.KEPT_ANSWER, planned=planned),
                before_commit=lambda result: before_commit(_outcome_of(result)),
            )
        except ingest.NothingRecorded as error:
            faults = [Fault(each.field, each.message) for each in error.outcomes]
            raise RejectedAlone(*faults) from error
        except InvalidRequest as error:
            raise RejectedAlone(*error.faults) from error
        except (IdentityConflict, SubscriberNotFound) as error:
            raise RejectedAlone(Fault("", str(error))) from error

    def _configure(self, workspace: Workspace) -> Configuration:
        if self.configuration is None or self.configuration.version != workspace.config_version:
            list_ids = lists.default_ids(workspace_id=workspace.pk)
            self.configuration = Configuration(workspace.config_version, list_ids, {})
        return self.configuration

    def _plan(
        self, parsed: Sequence[Parsed[ReadyRow]], workspace: Workspace, now: datetime
    ) -> ImportBatch:
        """Decide about each row; locks the people who change, and creates new definitions."""
        made: dict[str, EventDefinition] = {}
        for _ in range(ROUNDS):
            batch = ImportBatch(parsed, now=now)
            try:
                made |= self._prepare(batch, workspace)
                self._resolve(batch)
            except PeopleChanged:
                self.people.forget()
                continue
            unused = [each for name, each in made.items() if name not in batch.names_used]
            definitions.drop_unused(made=unused)
            for each in unused:
                del self.definition_keys[each.name]
            batch.definitions_made = len(made) - len(unused)
            return batch
        raise OperationalError("The rows of people kept changing.")

    def _write(self, lines: list[EventLine], now: datetime) -> list[EventLine]:
        """Insert events, then update people by them; returns the events that are new."""
        recorded = self.store.insert_events(lines, workspace_id=self.workspace.pk, received_at=now)
        if recorded < len(lines):
            stored = self.store.stored_among([line.row.id for line in lines])
            lines = [line for line in lines if line.row.id in stored]
        if self.people.changed:
            oldest_by_key = oldest_of(lines, keys=self.people.changed)
            self.people.write_changes(oldest_by_key, now=now)
        return lines

    def _prepare(self, batch: ImportBatch, workspace: Workspace) -> dict[str, EventDefinition]:
        """Find people, create definitions, lock people who change; returns new definitions."""
        values = [each.value for each in batch.parsed if each.value is not None]
        self.people.begin([value.person for value in values], workspace_id=workspace.pk)
        made: dict[str, EventDefinition] = {}
        unknown = {value.event.name for value in values} - self.definition_keys.keys()
        if unknown:
            wanted = [name for name in self._names_wanted(values) if name in unknown]
            most = self.limits.definitions
            known = definitions.ensure(workspace=workspace, names=wanted, limit=most, now=batch.now)
            made = dict(known.made)
            for name, definition in known.by_name.items():
                self.definition_keys[name] = self.store.key_of(definition.pk)
        self.people.lock(self._look(batch))
        return made

    def _names_wanted(self, values: Sequence[ReadyRow]) -> list[str]:
        """Return the names in rows that are not certain to be refused, in their order."""
        given = {
            value.person.external_id
            for value in values
            if value.person.external_id is not None and value.person.email is not None
        }
        return [
            value.event.name
            for value in values
            if not self.people.is_refused(value.person, given_with_email=given)
        ]

    def _look(self, batch: ImportBatch) -> set[Key]:
        """Note the person of each row that changes nobody; returns the people others may change."""
        changing: set[Key] = set()
        choose, would_change = self.people.choose, self.people.would_change
        for each in batch.parsed:
            value, plain = each.value, None
            if value is not None:
                known = choose(value.person)
                if isinstance(known, Known):
                    is_older = value.event.occurred_at < known.created_at
                    if is_older or would_change(value.person, known):
                        changing.add(known.key)
                    else:
                        plain = known
            batch.plain.append(plain)
        return changing

    def _resolve(self, batch: ImportBatch) -> None:
        """Find the person of each row; sort out repeats within the batch and refused rows."""
        changed, names = self.people.changed, self.definition_keys
        rows = zip(batch.parsed, batch.plain, strict=True)
        for place, (each, plain) in enumerate(rows):
            value = each.value
            if value is None:
                batch.rejected[place] = each.faults
                continue
            event = value.event
            is_settled = plain is not None and event.name in names and plain.key not in changed
            found = plain if plain and is_settled else self._find(value, batch.now)
            if isinstance(found, Fault):
                batch.rejected[place] = (found,)
                continue
            if event.event_id is not None and not batch.is_new(found, event.name, event.event_id):
                continue
            batch.conflicts += value.person.external_id not in {None, found.external_id}
            batch.add(found, value)

    def _find(self, value: ReadyRow, now: datetime) -> Known | Fault:
        if value.event.name in self.definition_keys:
            at = value.event.occurred_at
            return self.people.resolve(value.person, occurred_at=at, now=now)
        chosen = self.people.choose(value.person)
        if isinstance(chosen, Fault):
            return chosen
        most = self.limits.definitions
        return Fault("name", f"is new, and the workspace has its {most} event definitions already.")

    def _fill_effects(self, names: set[str], configuration: Configuration) -> None:
        missing = names - configuration.effects.keys()
        if not missing:
            return
        rules_by_name = sync_rules.for_events(workspace_id=self.workspace.pk, names=missing)
        watched = watched_sequences.read(workspace_id=self.workspace.pk)
        for name in missing:
            rules = rules_by_name.get(name, ())
            effects = planning.effects_of_history(name=name, matching=rules, watched=watched)
            configuration.effects[name] = msgspec.json.encode(effects)

    def _lines(self, batch: ImportBatch, configuration: Configuration) -> list[EventLine]:
        self.seen |= self._just_seen
        self._just_seen.clear()
        keys, effects = self.definition_keys, configuration.effects
        lines = []
        for known, value in batch.taken:
            event = value.event
            if self.is_dry_run and event.event_id is not None:
                mark = hash((known.key, event.name, event.event_id))
                if mark in self.seen:
                    continue
                self._just_seen.add(mark)
            lines.append(EventLine(known, keys[event.name], value, effects[event.name]))
        return lines


def _outcome_of(result: ingest.IngestResult) -> RowsOutcome:
    (outcome,) = result.outcomes
    if isinstance(outcome, Failed):
        raise TypeError("A request of one event that fails is raised.")
    counted = Counted(
        rows=1,
        recorded=0 if outcome.is_duplicate else 1,
        duplicates=1 if outcome.is_duplicate else 0,
        subscribers_created=int(result.is_created),
        definitions_created=int(outcome.is_definition_created),
        confirmations_queued=int(bool(result.opt_in and result.opt_in.is_email_queued)),
    )
    if not outcome.is_duplicate:
        counted.oldest_at = counted.newest_at = outcome.occurred_at
    return RowsOutcome(counted, [])
