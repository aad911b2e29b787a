"""Numbers of now, counted by the worker in turns: people with a tag, members, what is under way.

A turn counts what is due longest, in portions of at most `MOST_ROWS` as counted before, until its
seconds are over. A portion is due again after a minute, or after 20 times what it took: a table of
a million rows never holds the worker. Pages read the number with the time at which it was counted.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, Model, OuterRef, QuerySet

from events.models import CurrentCount, Enrollment, SequenceVersion, Step
from events.models import Sequence as SequenceRow
from events.services.counts.step_roll_ups import PAUSE_PER_WORK
from subscribers.models import (
    List,
    ListMembership,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
    Tag,
    Workspace,
)  # fmt: skip

Subject = CurrentCount.Subject
SECONDS = 2.0
PAUSE = timedelta(minutes=1)
MOST_AT_ONCE = 100
MOST_ROWS = 200_000
MOST_NEW = 1000
ALL = ""
Counts = Counter[tuple[UUID, str]]


@dataclass(frozen=True, slots=True)
class Current:
    """A number and its parts; `counted_at` is None when nothing was counted yet."""

    count: int = 0
    counted_at: datetime | None = None
    parts: Mapping[str, int] = field(default_factory=dict)


NOT_COUNTED = Current()


def of(*, subject: CurrentCount.Subject, ids: Collection[UUID]) -> Mapping[UUID, Current]:
    """Return the stored numbers; one query. What is not counted yet is left out."""
    parts: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    times: dict[UUID, datetime] = {}
    if ids:
        rows = CurrentCount.objects.filter(
            subject=subject, subject_id__in=ids, counted_at__isnull=False
        )
        for row in rows:
            parts[row.subject_id][row.part] = row.count
            if row.part == ALL and row.counted_at:
                times[row.subject_id] = row.counted_at
    return {
        row_id: Current(parts[row_id].pop(ALL), at, parts[row_id]) for row_id, at in times.items()
    }


def overdue(*, before: datetime) -> int:
    """Return how many numbers should have been counted again before a moment, up to `MOST_NEW`."""
    return CurrentCount.objects.filter(due_at__lt=before).order_by()[:MOST_NEW].count()


def count_due(*, now: datetime, seconds: float = SECONDS) -> int:
    """Count what is due until the seconds are over; returns how many numbers. Idempotent."""
    over_at, counted = time.monotonic() + seconds, 0
    _add_missing(now)
    while portion := _portion(now):
        counted += _count(portion, now)
        if time.monotonic() > over_at:
            break
    return counted


def _tags(ids: Sequence[UUID]) -> Counts:
    links = SubscriberTag.objects.filter(tag__in=ids)
    return _with_parts(_grouped(links.values_list("tag_id")))


def _lists(ids: Sequence[UUID]) -> Counts:
    members = ListMembership.objects.filter(list__in=ids, unsubscribed_at=None)
    return _with_parts(_grouped(members.values_list("list_id", "subscriber__status")))


def _people(ids: Sequence[UUID]) -> Counts:
    people = Subscriber.objects.filter(workspace__in=ids)
    return _with_parts(_grouped(people.values_list("workspace_id", "status")))


def _queued_mails(ids: Sequence[UUID]) -> Counts:
    queued = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.QUEUED, workspace__in=ids)
    return _with_parts(_grouped(queued.values_list("workspace_id")))


def _under_way(ids: Sequence[UUID]) -> Counts:
    # By version, whose index knows the status.
    versions = SequenceVersion.objects.filter(sequence__in=ids).values("pk")
    under_way = Enrollment.objects.filter(version__in=versions, status__in=Enrollment.UNDER_WAY)
    rows = list(_grouped(under_way.values_list("sequence_id", "step_id")))
    key_by_step = dict(Step.objects.filter(version__in=versions).values_list("pk", "key"))
    return _with_parts((row[0], key_by_step.get(row[1], ALL), row[2]) for row in rows)


@dataclass(frozen=True, slots=True)
class _Kind:
    model: type[Model]
    count: Callable[[Sequence[UUID]], Counts]
    # The column of the model that names its workspace.
    workspace: str = "workspace_id"


KINDS: Mapping[CurrentCount.Subject, _Kind] = {
    Subject.TAG: _Kind(Tag, _tags),
    Subject.LIST: _Kind(List, _lists),
    Subject.PEOPLE: _Kind(Workspace, _people, "pk"),
    Subject.QUEUED_MAIL: _Kind(Workspace, _queued_mails, "pk"),
    Subject.SEQUENCE: _Kind(SequenceRow, _under_way),
}


def _grouped(rows: QuerySet[Any, Any]) -> Iterator[tuple[Any, ...]]:
    yield from rows.order_by().annotate(number=Count("pk"))


def _with_parts(rows: Iterable[tuple[Any, ...]]) -> Counts:
    """Return the sum of each row id and, where the rows name parts, the count of each part."""
    found: Counts = Counter()
    for row_id, *parts, number in rows:
        part = parts[0] if parts else ALL
        found[row_id, ALL] += number
        if part != ALL:
            found[row_id, part] += number
    return found


def _add_missing(now: datetime) -> None:
    """Add a row for each tag, list, workspace and sequence that has none."""
    for subject, kind in KINDS.items():
        stored = CurrentCount.objects.filter(subject=subject, part=ALL, subject_id=OuterRef("pk"))
        rows = kind.model._default_manager.filter(~Exists(stored)).order_by("pk")
        CurrentCount.objects.bulk_create(
            [
                CurrentCount(
                    subject=subject, subject_id=row_id, workspace_id=workspace_id, due_at=now
                )
                for row_id, workspace_id in rows.values_list("pk", kind.workspace)[:MOST_NEW]
            ],
            ignore_conflicts=True,
        )


def _portion(now: datetime) -> list[CurrentCount]:
    """Return what is due longest and others of its kind, together about `MOST_ROWS`."""
    due = CurrentCount.objects.filter(due_at__lte=now).order_by("due_at", "pk")
    portion, rows = list[CurrentCount](), 0
    for row in due[:MOST_AT_ONCE]:
        if portion and (row.subject != portion[0].subject or rows + row.count > MOST_ROWS):
            continue
        portion.append(row)
        rows += row.count
    return portion


def _count(portion: Sequence[CurrentCount], now: datetime) -> int:
    subject = Subject(portion[0].subject)
    kind = KINDS[subject]
    workspace_by_id = {row.subject_id: row.workspace_id for row in portion}
    began = time.monotonic()
    there = set(
        kind.model._default_manager.filter(pk__in=workspace_by_id).values_list("pk", flat=True)
    )
    counts = kind.count(list(workspace_by_id))
    took = timedelta(seconds=time.monotonic() - began)
    due_at = now + max(PAUSE, took * PAUSE_PER_WORK)
    for row_id in workspace_by_id:
        counts.setdefault((row_id, ALL), 0)
    stored = CurrentCount.objects.filter(subject=subject, subject_id__in=workspace_by_id)
    gone = [
        row.pk
        for row in stored
        if (row.subject_id, row.part) not in counts or row.subject_id not in there
    ]
    with transaction.atomic():
        CurrentCount.objects.bulk_create(
            [
                CurrentCount(
                    workspace_id=workspace_by_id[row_id],
                    subject=subject,
                    subject_id=row_id,
                    part=part,
                    count=number,
                    counted_at=now,
                    due_at=due_at if part == ALL else None,
                )
                for (row_id, part), number in sorted(counts.items())
                if row_id in there
            ],
            batch_size=MOST_AT_ONCE,
            update_conflicts=True,
            unique_fields=["subject", "subject_id", "part"],
            update_fields=["count", "counted_at", "due_at"],
        )
        for first in range(0, len(gone), MOST_AT_ONCE):
            CurrentCount.objects.filter(pk__in=gone[first : first + MOST_AT_ONCE]).delete()
    return len(portion)
