"""Backtests: requested, worked on in slices, cancelled and forgotten.

A slice is short, so that a worker is soon free again. It holds the row by a lease. A worker that
finds the lease expired goes on after the last stored slice: a killed worker stores none of its own.
Events are read in small statements without a transaction around them.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Coalesce

from events.language import timing
from events.models import Backtest, Event
from events.models import Sequence as SequenceRow
from events.services.backtests import snapshots
from events.services.backtests.person_events import PastEvent, PersonEvents
from events.services.backtests.replaying import PersonToday, replay
from events.services.backtests.results import Result, from_json
from events.services.backtests.snapshots import Compiled
from events.services.database_faults import REQUEST_FAULTS, brief
from events.services.engine.claimed import Shared
from subscribers.ids import new_id
from subscribers.models import Subscriber, Suppression
from subscribers.services.consent import suppressions
from subscribers.wire.addresses import InvalidAddress

MOST_DAYS = 90
# Kept of each sequence, and for how long.
MOST_KEPT = 20
KEPT_FOR = timedelta(days=30)
SLICE_SECONDS = 10.0
PEOPLE_AT_ONCE = 200
# Read by one statement; a slice has time for about as many, and those beyond are read in vain.
PEOPLE_IN_A_SLICE = 20_000
LEASE = timedelta(seconds=90)
MOST_CRASHES = 3
CRASHED = "The worker ended several times while it worked on it."
Status = Backtest.Status


class NotTestable(ValueError):
    """The sequence, or the number of days, cannot be tested."""

    code = "VALIDATION_ERROR"


class StillRunning(ValueError):
    """The sequence has a backtest that has not ended."""

    code = "CONFLICT"


def obstacle(sequence: SequenceRow) -> str:
    """Return why no backtest of the sequence can be, a sentence; empty: it can."""
    if sequence.trigger == SequenceRow.Trigger.EVENT_RECEIVED:
        return ""
    return (
        "Only a sequence that an event starts can be tested: when people got a tag or joined a "
        "list is not recorded as events are."
    )


def request(*, sequence: SequenceRow, days: int, requested_by: str, now: datetime) -> Backtest:
    """Queue a backtest of the sequence as it is now. Raises `NotTestable` and `StillRunning`."""
    if not 1 <= days <= MOST_DAYS:
        raise NotTestable(f"The number of days must be 1 to {MOST_DAYS}.")
    if reason := obstacle(sequence):
        raise NotTestable(reason)
    snapshot = snapshots.taken(sequence)
    if not snapshot["steps"]:
        raise NotTestable("The sequence has no steps.")
    with transaction.atomic():
        # Locked, so that two requests do not both find none.
        SequenceRow.objects.select_for_update(no_key=True, of=("self",)).get(pk=sequence.pk)
        rows = Backtest.objects.filter(sequence=sequence)
        if rows.filter(status__in=Backtest.UNDER_WAY).exists():
            raise StillRunning("A backtest of the sequence is under way: wait, or cancel it.")
        made = rows.create(
            workspace_id=sequence.workspace_id,
            sequence=sequence,
            version=sequence.current_version.number if sequence.current_version else 0,
            snapshot=snapshot,
            days=days,
            since=now - timedelta(days=days),
            until=now,
            requested_by=requested_by,
            created_at=now,
        )
        kept = rows.order_by("-id").values_list("pk", flat=True)[:MOST_KEPT]
        rows.exclude(pk__in=list(kept)).delete()
    return made


def cancel(*, run: Backtest, now: datetime) -> bool:
    """End a backtest; False if it had ended. What a worker is at is dropped."""
    rows = Backtest.objects.filter(pk=run.pk, status__in=Backtest.UNDER_WAY)
    return bool(
        rows.update(status=Status.CANCELLED, ended_at=now, lease_token=None, lease_expires_at=None)
    )


def purge(*, now: datetime) -> int:
    """Delete old backtests; returns how many."""
    return Backtest.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]


def carry_on(*, now: datetime, seconds: float = SLICE_SECONDS) -> bool:
    """Work for some seconds on the oldest backtest under way; returns whether more is to be done.

    May run twice, also at the same time.
    """
    run = _claim(now)
    if run is None:
        return False
    try:
        _work(run, now=now, until=time.monotonic() + seconds)
    except REQUEST_FAULTS:
        # The lease ends, and the slice is done again.
        raise
    except Exception as error:
        _held(run).update(status=Status.FAILED, error=brief(error), ended_at=now, lease_token=None)
        raise
    return Backtest.objects.filter(status__in=Backtest.UNDER_WAY).exists()


def _claim(now: datetime) -> Backtest | None:
    """Take the oldest that no live worker holds."""
    is_free = Q(lease_token=None) | Q(lease_expires_at__lte=now)
    rows = Backtest.objects.filter(is_free, status__in=Backtest.UNDER_WAY).order_by("id")
    for run in rows.select_related("workspace")[:10]:
        crashes = run.crashes + (run.lease_token is not None)
        before = Backtest.objects.filter(pk=run.pk, status=run.status, lease_token=run.lease_token)
        if crashes >= MOST_CRASHES:
            before.update(status=Status.FAILED, error=CRASHED, ended_at=now, lease_token=None)
            continue
        run.lease_token, run.crashes = new_id(), crashes
        run.started_at = run.started_at or now
        taken = before.update(
            status=Status.RUNNING,
            lease_token=run.lease_token,
            lease_expires_at=now + LEASE,
            crashes=crashes,
            started_at=run.started_at,
        )
        if taken:
            return run
    return None


def _work(run: Backtest, *, now: datetime, until: float) -> None:
    """Replay people until the time is over or all are done, and store the result."""
    compiled = snapshots.compiled(run)
    if run.people is None:
        counted = _triggering(compiled).aggregate(people=Count("subscriber_id", distinct=True))
        run.people = counted["people"]
    result = from_json(run.result)
    ids = _people_after(compiled, run.position)
    is_done = len(ids) < PEOPLE_IN_A_SLICE
    for batch in _batches(ids):
        add(compiled, batch, result)
        run.position = batch[-1]
        if time.monotonic() > until:
            # At least one batch a slice, so that it ends.
            is_done = is_done and batch[-1] == ids[-1]
            break
    ended = {"status": Status.FINISHED, "ended_at": now} if is_done else {}
    _held(run).update(
        people=run.people,
        people_done=result.people,
        position=run.position,
        result=result.as_json(),
        lease_token=None,
        lease_expires_at=None,
        **ended,
    )


def add(compiled: Compiled, ids: Sequence[UUID], result: Result) -> None:
    """Replay these people, and add what came of it to the result; a few queries."""
    people = Subscriber.objects.filter(pk__in=ids).in_bulk()
    suppressed = _suppressed(compiled, list(people.values()))
    shared = Shared(subscriber_ids=ids, event_ids=())
    zone = timing.zone_of(compiled.workspace.timezone)
    events = _events(compiled, ids)
    for row_id in ids:
        rows = events.get(row_id, [])
        person = people.get(row_id)
        if person is None:
            continue
        someone = PersonToday(
            subscriber=person,
            is_suppressed=row_id in suppressed,
            shared=shared,
            events=PersonEvents(rows),
        )
        result.add(row_id, replay(compiled, someone), events=len(rows), zone=zone)


def _triggering(compiled: Compiled) -> QuerySet[Event]:
    return Event.objects.filter(
        definition__in=compiled.trigger_definitions,
        occurred_at__gte=compiled.since,
        occurred_at__lte=compiled.until,
    )


def _people_after(compiled: Compiled, position: UUID | None) -> list[UUID]:
    """Return people from whom the trigger's event came, in the order of their ids."""
    rows = _triggering(compiled)
    if position is not None:
        rows = rows.filter(subscriber_id__gt=position)
    found = rows.order_by("subscriber_id").values_list("subscriber_id", flat=True).distinct()
    return list(found[:PEOPLE_IN_A_SLICE])


def _events(compiled: Compiled, ids: Sequence[UUID]) -> dict[UUID, list[PastEvent]]:
    ever = [row_id for row_id, name in compiled.names.items() if name in compiled.asked_ever]
    of_time = Q(occurred_at__gte=compiled.since) | Q(definition__in=ever)
    # An expression, so that SQLite reads the index of people, and not all events of the names.
    name = Coalesce(F("definition_id"), F("definition_id"))
    rows = Event.objects.alias(name=name).filter(
        of_time,
        subscriber__in=ids,
        name__in=list(compiled.names),
        occurred_at__lte=compiled.until,
    )
    found: dict[UUID, list[PastEvent]] = {}
    columns = ("subscriber_id", "definition_id", "occurred_at", "id", "properties")
    for person, definition, at, row_id, properties in rows.values_list(*columns):
        recorded = PastEvent(at, row_id, compiled.names[definition], properties)
        found.setdefault(person, []).append(recorded)
    return found


def _suppressed(compiled: Compiled, people: Sequence[Subscriber]) -> set[UUID]:
    """Return the people whose address is suppressed today."""
    rows = Suppression.objects.filter(workspace=compiled.workspace)
    if not rows.exists():
        return set()
    person_by_hash = {}
    for person in people:
        with suppress(InvalidAddress):
            hashed = suppressions.hash_of(workspace=compiled.workspace, recipient=person.email)
            person_by_hash[hashed] = person.pk
    found = rows.filter(address_hash__in=person_by_hash).values_list("address_hash", flat=True)
    return {person_by_hash[each] for each in found}


def _batches(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    following = iter(ids)
    while batch := list(islice(following, PEOPLE_AT_ONCE)):
        yield batch


def _held(run: Backtest) -> QuerySet[Backtest]:
    return Backtest.objects.filter(pk=run.pk, lease_token=run.lease_token, status=Status.RUNNING)
