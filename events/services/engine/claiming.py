"""Claims due enrollments for one task, and returns claims that have expired.

A claim touches enrollments only and commits together with the queue's rows for it. `due_at` is
compared with the caller's clock, leases with the database's, which all hosts share. An enrollment
that failed before, or that a worker held when it died, is claimed alone, so that it harms no other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Case, CharField, F, IntegerField, Q, Value, When
from django.db.models.functions import Now

from events.models import Enrollment
from subscribers.services.storage import sql_values

MOST_IN_BATCH = 100
MOST_RETURNED = 1000
# The admin shows it as the enrollment's last error.
WORKER_ENDED = "The worker ended while the enrollment was among its work; it is tried alone."

_LANES_DUE = """
WITH lanes (lane) AS (VALUES (0), (1), (2))
SELECT lane FROM lanes
WHERE EXISTS (
    SELECT 1 FROM events_enrollment e
    WHERE e.lane = lanes.lane AND e.due_at <= %s AND e.lease_token IS NULL)
AND NOT EXISTS (SELECT 1 FROM subscribers_installation i WHERE i.on_hold_since IS NOT NULL)
ORDER BY lane
"""
_CLAIM = """
UPDATE events_enrollment
SET lease_token = %(token)s, lease_expires_at = {lease_ends}
WHERE id {among}
    SELECT id FROM events_enrollment
    WHERE lane = %(lane)s AND due_at <= %(now)s AND lease_token IS NULL AND {condition}
    ORDER BY due_at LIMIT %(limit)s{skip_locked})
RETURNING id
"""
# PostgreSQL may run the subquery of an IN again for each row; each run skips the rows that the one
# before locked, and more rows are claimed than the limit allows. An array is built once.
_AMONG = {"postgresql": "= ANY (ARRAY(", "sqlite": "IN ("}
_TOGETHER = "attempts = 0 AND last_error = ''"
_ALONE = f"NOT ({_TOGETHER})"


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """Enrollments that one task works on, under one token; at most 100."""

    token: UUID
    ids: tuple[UUID, ...]
    lane: int


def claim_due(
    *,
    now: datetime,
    most_batches: int,
    lowest_lane: int = Enrollment.Lane.MARKETING,
    most_rows: int | None = None,
) -> list[ClaimedBatch]:
    """Claim what is due, by lane, then time; the caller queues the tasks in its transaction.

    Lanes above `lowest_lane` are left. Rows that another host is claiming are skipped. Nothing is
    claimed while the installation is on hold. One query when nothing is due.
    """
    batches: list[ClaimedBatch] = []
    rows_left = most_rows or most_batches * MOST_IN_BATCH
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LANES_DUE, sql_values.adapted(now))
        lanes = [lane for (lane,) in cursor.fetchall() if lane <= lowest_lane]
        for lane in lanes:
            for condition, most in ((_TOGETHER, MOST_IN_BATCH), (_ALONE, 1)):
                while len(batches) < most_batches and rows_left > 0:
                    batch = _claim(cursor, now, lane, condition, min(most, rows_left))
                    if batch is None:
                        break
                    batches.append(batch)
                    rows_left -= len(batch.ids)
                    if len(batch.ids) < most:
                        break
    return batches


def give_back(
    *,
    token: UUID,
    ids: Collection[UUID],
    due_at: datetime | None = None,
    reason: str = "",
    failing_since: datetime | None = None,
) -> int:
    """Release enrollments that the token still holds; `due_at` delays them, with a reason, and
    `failing_since` notes since when their receiver is away.

    Nothing was done for them, so an attempt counted when the work began is taken back. Atomic;
    locks the enrollments in the order of their ids.
    """
    changes: dict[str, Any] = {
        "lease_token": None,
        "lease_expires_at": None,
        "attempts": Case(
            When(attempts__gt=0, then=F("attempts") - 1),
            default=Value(0),
            output_field=IntegerField(),
        ),
    }
    if due_at is not None:
        changes |= {"due_at": due_at, "reason": reason}
    if failing_since is not None:
        changes["failing_since"] = failing_since
    held = Enrollment.objects.filter(pk__in=ids, lease_token=token)
    with transaction.atomic():
        locked = held.order_by("id").select_for_update(no_key=True).values_list("pk", flat=True)
        return held.filter(pk__in=list(locked)).update(**changes)


def count_attempt(*, token: UUID, enrollment_id: UUID) -> int | None:
    """Count an attempt of an enrollment claimed alone; None when the claim is lost.

    Committed before the work begins, so that an enrollment whose work kills its worker is noticed.
    """
    held = Enrollment.objects.filter(pk=enrollment_id, lease_token=token)
    if not held.update(attempts=F("attempts") + 1):
        return None
    return held.values_list("attempts", flat=True).first()


def return_expired(*, limit: int = MOST_RETURNED) -> int:
    """Release expired claims, whose worker is dead or cut off; returns how many."""
    return _return(Q(lease_token__isnull=False, lease_expires_at__lte=Now()), limit)


def return_held(*, token: UUID, ids: Collection[UUID]) -> int:
    """Release what a token still holds, since its worker is dead; returns how many."""
    return _return(Q(pk__in=ids, lease_token=token), len(ids))


def _return(claims: Q, limit: int) -> int:
    with transaction.atomic():
        locked = (
            Enrollment.objects.filter(claims)
            .order_by("lease_expires_at")
            .select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
        )
        ids = list(locked.values_list("pk", flat=True)[:limit])
        return Enrollment.objects.filter(pk__in=ids).update(
            lease_token=None,
            lease_expires_at=None,
            last_error=Case(
                When(last_error="", then=Value(WORKER_ENDED)),
                default=F("last_error"),
                output_field=CharField(),
            ),
        )


def _claim(
    cursor: CursorWrapper, now: datetime, lane: int, condition: str, most: int
) -> ClaimedBatch | None:
    token = uuid4()
    statement = _CLAIM.format(
        condition=condition,
        among=_AMONG[connection.vendor],
        lease_ends=sql_values.lease_ends(),
        skip_locked=" FOR UPDATE SKIP LOCKED)" if connection.vendor == "postgresql" else "",
    )
    own_token, moment = sql_values.adapted(token, now)
    parameters = {"token": own_token, "lane": lane, "now": moment, "limit": most}
    cursor.execute(statement, parameters)
    rows: Sequence[tuple[Any]] = cursor.fetchall()
    ids = tuple(sorted(sql_values.id_of(each) for (each,) in rows))
    return ClaimedBatch(token=token, ids=ids, lane=lane) if ids else None
