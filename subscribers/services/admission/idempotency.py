"""`Idempotency-Key`: the first answer to a request is stored and sent again.

A reservation is committed before the work. The answer is stored in the work's own transaction under
the reservation's token, so both are committed or neither is. When a process dies, its lease expires
and the next repeat takes over.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from subscribers.models import ApiKey, IdempotentRequest
from subscribers.services.storage import connections

LEASE = timedelta(seconds=60)


class RequestInProgress(Exception):
    code = "IDEMPOTENCY_IN_PROGRESS"

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__("A request with this Idempotency-Key is being worked on.")


class BodyMismatch(ValueError):
    """The key was used with another body."""

    code = "IDEMPOTENCY_MISMATCH"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The stored answer, byte for byte."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Reservation:
    """The right to do the work and to store its answer until the lease expires."""

    row_id: UUID
    token: UUID

    def keep(self, *, status: int, body: bytes) -> None:
        """Store the answer inside the work's transaction, which `RequestInProgress` then rolls
        back: another request took the reservation over.
        """
        mine = IdempotentRequest.objects.filter(pk=self.row_id, token=self.token, status=None)
        if not mine.update(status=status, answer=body):
            raise RequestInProgress(retry_after=1)

    def release(self) -> None:
        """Delete the reservation after work that changed nothing, so that a repeat may try."""
        IdempotentRequest.objects.filter(pk=self.row_id, token=self.token, status=None).delete()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestScope:
    """What one key identifies; the same key on another path, or of another API key, is another
    request.
    """

    api_key: ApiKey
    method: str
    path: str
    key: str


def reserve(
    *, scope: RequestScope, body: bytes, retention: timedelta, now: datetime
) -> Reservation | KeptAnswer:
    """Return the right to do the work, or the stored answer; commits by itself. Reconnects once and
    repeats the same reservation. Raises `RequestInProgress` and `BodyMismatch`.
    """
    planned = IdempotentRequest(
        workspace_id=scope.api_key.workspace_id,
        method=scope.method,
        path=scope.path,
        key=_stored(scope),
        body_hash=hashlib.sha256(body).hexdigest(),
        lease_expires_at=now + LEASE,
        expires_at=now + retention,
    )
    try:
        return _reserve(planned, now=now)
    except connections.LOST:
        if not connections.renew():
            raise
        return _reserve(planned, now=now)


def _stored(scope: RequestScope) -> str:
    """Return the hash that is stored for the key; callers may have put personal data in it."""
    return hashlib.sha256(f"{scope.api_key.pk.hex}:{scope.key}".encode()).hexdigest()


def _reserve(planned: IdempotentRequest, *, now: datetime) -> Reservation | KeptAnswer:
    """Insert the row, or take it over under the planned token. Idempotent."""
    with transaction.atomic():
        IdempotentRequest.objects.bulk_create([planned], ignore_conflicts=True)
        rows = IdempotentRequest.objects.select_for_update().filter(
            workspace_id=planned.workspace_id,
            method=planned.method,
            path=planned.path,
            key=planned.key,
        )
        found = rows.first()
        if found is None:
            # The request that had it released it between the two statements.
            raise RequestInProgress(retry_after=1)
        if found.token == planned.token:
            return Reservation(row_id=found.pk, token=found.token)
        if found.expires_at <= now:
            found.status, found.body_hash = None, planned.body_hash
        elif found.body_hash != planned.body_hash:
            raise BodyMismatch("This Idempotency-Key was used with another body.")
        elif found.status is not None:
            return KeptAnswer(status=found.status, body=bytes(found.answer))
        # A lease from a clock that was far ahead is none.
        elif now < found.lease_expires_at <= now + 2 * LEASE:
            left = (found.lease_expires_at - now).total_seconds()
            raise RequestInProgress(retry_after=math.ceil(left))
        found.token = planned.token
        found.lease_expires_at = planned.lease_expires_at
        found.expires_at = planned.expires_at
        found.save()
        return Reservation(row_id=found.pk, token=found.token)
