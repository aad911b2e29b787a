"""Moves enrollments of earlier versions to the sequence's current version.

An enrollment moves to the step with the same key and kind. It stays when that step is gone, when
its step is being carried out, and when steps that it may have done may follow now: a mail is
identified by its step, so it would be sent again.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat, Replace

from events.language import steps
from events.language.steps import graph
from events.models import Enrollment, Sequence, Step, StepRun
from events.services.sequences.versions import lane_of
from subscribers.models import OutgoingEmail, Subscriber

MOST_IDS = 500
# Steps that change nothing: an enrollment may start them again.
HARMLESS = [kind for kind, step in steps.KINDS.items() if step.is_harmless]
BUSY = "It is being carried out."
GONE = "The current version does not have it."
AGAIN = "The current version would repeat steps that came before it."


@dataclass(frozen=True, slots=True)
class StepCount:
    """How many enrollments stand at a step of an earlier version; `reason` says why they stay."""

    version_number: int
    step: str
    enrollments: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    moved: tuple[StepCount, ...]
    left: tuple[StepCount, ...]

    @property
    def moved_count(self) -> int:
        return sum(each.enrollments for each in self.moved)

    @property
    def left_count(self) -> int:
        return sum(each.enrollments for each in self.left)


def preview_move(*, sequence: Sequence) -> Move:
    """Return what `move_enrollments` would do now; five queries."""
    behind = _behind(sequence)
    all_by_step = _count_by_step(behind)
    busy_by_step = _count_by_step(behind.filter(_is_busy()))
    _, reason_by_step = _places(sequence, all_by_step)
    moved, left = [], []
    for step in _in_order(all_by_step):
        reason, busy = reason_by_step.get(step.pk), busy_by_step.get(step.pk, 0)
        if reason is not None:
            left.append(_step_count(step, all_by_step[step.pk], reason))
            continue
        if free := all_by_step[step.pk] - busy:
            moved.append(_step_count(step, free))
        if busy:
            left.append(_step_count(step, busy, BUSY))
    return Move(moved=tuple(moved), left=tuple(left))


def move_enrollments(*, sequence: Sequence, now: datetime) -> Move:
    """Move enrollments to the version that is current as this begins; returns what it did.

    A waiting enrollment starts its wait again from the moment that it reached the step, so that the
    new delay, event or timeout counts. One transaction for 500 enrollments: locks their
    subscribers, then the enrollments. May be repeated.
    """
    target_by_step, _ = _places(sequence, _count_by_step(_behind(sequence)))
    counts: Counter[UUID] = Counter()
    for row_ids in _batches(_behind(sequence).filter(step_id__in=target_by_step)):
        with transaction.atomic():
            counts += _move_batch(sequence, row_ids, target_by_step, now)
    moved = tuple(_step_count(step, counts[step.pk]) for step in _in_order(counts))
    return Move(moved=moved, left=preview_move(sequence=sequence).left)


def targets(*, sequence: Sequence, step_ids: Collection[UUID]) -> dict[UUID, Step]:
    """Return the current version's step for each step of an earlier one that may move to it."""
    found, _ = _places(sequence, step_ids)
    return {step_id: step for step_id, step in found.items() if step.pk != step_id}


def has_mail() -> Exists:
    """Return the condition that an enrollment's step has made its mail, at the present visit."""
    return Exists(OutgoingEmail.objects.filter(workspace=OuterRef("workspace"), cause=_cause()))


def _behind(sequence: Sequence) -> QuerySet[Enrollment]:
    under_way = Enrollment.objects.filter(sequence=sequence, status__in=Enrollment.UNDER_WAY)
    return under_way.exclude(version_id=sequence.current_version_id).exclude(step=None)


def _is_busy() -> Q:
    """Return the condition that an enrollment's step may have had its effect already."""
    begun = StepRun.objects.filter(
        enrollment=OuterRef("pk"), step=OuterRef("step"), visit=OuterRef("visit")
    )
    called = Q(step__kind=Step.Kind.WEBHOOK) & (Q(lease_token__isnull=False) | Q(attempts__gt=0))
    return ~Q(step__kind__in=HARMLESS) & (Exists(begun) | has_mail() | called)


def _cause() -> Combinable:

    def hexadecimal(name: str) -> Combinable:
        return Replace(Cast(OuterRef(name), CharField()), Value("-"), Value(""))

    visit = Cast(OuterRef("visit"), CharField())
    parts = [Value("step:"), hexadecimal("pk"), Value(":"), hexadecimal("step"), Value(":"), visit]
    return Concat(*parts, output_field=CharField())


def _count_by_step(enrollments: QuerySet[Enrollment]) -> dict[UUID, int]:
    rows = enrollments.order_by().values("step_id").annotate(enrollments=Count("pk"))
    return {row["step_id"]: row["enrollments"] for row in rows}


def _places(
    sequence: Sequence, step_ids: Collection[UUID]
) -> tuple[dict[UUID, Step], dict[UUID, str]]:
    """Return the target step, or why enrollments stay, by the id of their step."""
    steps_now = list(Step.objects.filter(version_id=sequence.current_version_id))
    step_by_name = {(step.key, step.kind): step for step in steps_now}
    ahead_now = _reachable(steps_now)
    versions = Step.objects.filter(pk__in=list(step_ids)).values("version_id")
    earlier = Step.objects.filter(version_id__in=versions).order_by("version_id", "position")
    target_by_step: dict[UUID, Step] = {}
    reason_by_step: dict[UUID, str] = {}
    for _, rows in groupby(earlier, key=lambda step: step.version_id):
        steps_then = list(rows)
        ahead_then = _reachable(steps_then)
        for step in steps_then:
            target = step_by_name.get((step.key, step.kind))
            done = {
                each.key
                for each in steps_then
                if step.key in ahead_then[each.key]
                and each.kind not in HARMLESS
                and (each.key, each.kind) in step_by_name
            }
            if target is None:
                reason_by_step[step.pk] = GONE
            elif done & ahead_now[target.key]:
                reason_by_step[step.pk] = AGAIN
            else:
                target_by_step[step.pk] = target
    return target_by_step, reason_by_step


def _reachable(rows: Iterable[Step]) -> dict[str, set[str]]:
    """Return the keys of all steps that may come after each step of a version, by its key."""
    ordered = sorted(rows, key=lambda row: row.position)
    return graph.reachable([steps.from_stored(row.config) for row in ordered])


def _in_order(step_ids: Iterable[UUID]) -> QuerySet[Step]:
    rows = Step.objects.filter(pk__in=list(step_ids)).select_related("version")
    return rows.order_by("version__number", "position")


def _step_count(step: Step, enrollments: int, reason: str = "") -> StepCount:
    label = step.config.get("label") or f"{step.get_kind_display()} ({step.key})"
    return StepCount(step.version.number, f"{step.position + 1}. {label}", enrollments, reason)


def _batches(enrollments: QuerySet[Enrollment]) -> Iterator[list[UUID]]:
    last_id = UUID(int=0)
    while row_ids := list(
        enrollments.filter(pk__gt=last_id).order_by("pk").values_list("pk", flat=True)[:MOST_IDS]
    ):
        yield row_ids
        last_id = row_ids[-1]


def _move_batch(
    sequence: Sequence,
    row_ids: Collection[UUID],
    target_by_step: Mapping[UUID, Step],
    now: datetime,
) -> Counter[UUID]:
    """Move those that may still move; returns how many, by their step."""
    people = Enrollment.objects.filter(pk__in=row_ids).values_list("subscriber_id", flat=True)
    list(Subscriber.objects.filter(pk__in=set(people)).locked())
    rows = _behind(sequence).filter(pk__in=row_ids, step_id__in=target_by_step)
    enrollments = list(rows.order_by("pk").select_for_update(no_key=True, of=("self",)))
    busy_ids = set(rows.filter(_is_busy()).values_list("pk", flat=True))
    free_by_step: dict[UUID, list[UUID]] = {}
    for enrollment in enrollments:
        if enrollment.pk not in busy_ids and enrollment.step_id:
            free_by_step.setdefault(enrollment.step_id, []).append(enrollment.pk)
    active, waiting = Enrollment.Status.ACTIVE, Enrollment.Status.WAITING
    for step_id, free_ids in free_by_step.items():
        target = target_by_step[step_id]
        chosen = Enrollment.objects.filter(pk__in=free_ids)
        chosen.update(
            version_id=target.version_id,
            step=target,
            lane=lane_of(target),
            awaits="",
            # The new wait may be for another event; a matching one is found again.
            released_by=None,
            lease_token=None,
            lease_expires_at=None,
            updated_at=now,
        )
        chosen.filter(status=waiting).update(status=active, due_at=now, reason="")
        paused = chosen.filter(status=Enrollment.Status.PAUSED, status_before_pause=waiting)
        paused.update(status_before_pause=active, due_before_pause=None)
    return Counter({step_id: len(free_ids) for step_id, free_ids in free_by_step.items()})
