"""Enrollments that the engine parked because their sequence was not active, and their resumption.

A parked enrollment is `paused` with the reason `sequence_paused`; it was due when it was parked.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Several
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from events.models import Enrollment, Sequence

REASON = "sequence_paused"
# The most moments that enrollments are spread over, and the most rows in one statement.
MOST_MOMENTS = 1000
MOST_IDS = 1000


def count_parked(sequence: Sequence) -> int:
    """Return how many enrollments activating the sequence would resume."""
    return parked(sequence).count()


def parked(sequence: Sequence) -> QuerySet[Enrollment]:
    status = Enrollment.Status.PAUSED
    return Enrollment.objects.filter(sequence=sequence, status=status, reason=REASON)


def resume(*, sequence: Sequence, now: datetime, spread: timedelta = timedelta(0)) -> int:
    """Make the sequence's parked enrollments due again, evenly over `spread`; returns how many.

    The earliest due comes first. Locks the enrollments in the order of their ids; needs no
    subscriber's lock, since it changes only what is still parked. Atomic, idempotent.
    """
    with transaction.atomic():
        rows = parked(sequence).order_by("id").select_for_update(no_key=True)
        columns = rows.values_list("id", "due_before_pause", "entered_at")
        in_turn = sorted((due_at or entered_at, row_id) for row_id, due_at, entered_at in columns)
        row_ids = [row_id for _, row_id in in_turn]
        for place, chosen in _portions(row_ids, is_spread=spread > timedelta(0)):
            Enrollment.objects.filter(pk__in=chosen).update(
                status=F("status_before_pause"),
                status_before_pause="",
                due_at=now + spread * place / len(row_ids),
                due_before_pause=None,
                paused_at=None,
                reason="",
                updated_at=now,
            )
    return len(row_ids)


def _portions(row_ids: Several[UUID], *, is_spread: bool) -> Iterator[tuple[int, Several[UUID]]]:
    """Yield the enrollments that are due at the same moment, with the index of the first."""
    size = min(MOST_IDS, -(-len(row_ids) // MOST_MOMENTS)) if is_spread else MOST_IDS
    for place in range(0, len(row_ids), max(size, 1)):
        yield place, row_ids[place : place + max(size, 1)]
