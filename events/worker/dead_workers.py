"""Gives back what the tasks of a dead worker held, without waiting for its leases.

A queue's row names the worker that took it, and its task names the claim. Mails in flight become
unknown, or are sent again if they are confirmations; the rest is due at once. Workers of other
hosts have their lock files elsewhere: their leases decide. See .github/decisions/lock-files.md.
"""

import logging
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django_q.models import OrmQ

from config import process_locks
from events import enqueue
from events.models import Enrollment
from events.services import worker_reports
from events.services.engine import claiming
from events.worker import broker, rounds
from subscribers.models import OutgoingEmail
from subscribers.services.dispatch import queue as outbox_queue
from subscribers.services.outbox import outbox

logger = logging.getLogger("cueline.worker")


def recover(*, worker_id: UUID) -> None:
    """Give back what dead workers of this DATA_DIR held, and what an earlier pool of this worker
    held. Call it before the pool's processes begin. Idempotent.
    """
    _give_back(worker_id)
    for dead_id in process_locks.abandoned(folder=settings.DATA_DIR, kind=process_locks.WORKER):
        _give_back(dead_id)
        enqueue.forget_probes(worker_id=dead_id)
        worker_reports.stopped(worker_id=dead_id, now=datetime.now(tz=UTC))


def _give_back(worker_id: UUID) -> None:
    tasks = broker.taken_by(worker_id)
    for row_id, task in tasks:
        with transaction.atomic():
            # Jobs hold nothing: the timetable queues them again.
            if task["func"] in {rounds.ADVANCE, rounds.SEND_QUEUED}:
                token, *ids = map(UUID, task["args"])
                _release(token, ids)
            OrmQ.objects.filter(pk=row_id).delete()
    if tasks:
        logger.warning("%s tasks of processes that were killed are due again.", len(tasks))


def _release(token: UUID, ids: Collection[UUID]) -> None:
    # Mails first: an enrollment that is due again follows what became of its mail.
    outbox.lose_sending(email_ids=list(_in_flight(token, ids)))
    outbox_queue.return_held(token=token, ids=ids)
    claiming.return_held(token=token, ids=ids)


def _in_flight(token: UUID, ids: Collection[UUID]) -> Iterator[UUID]:
    """Yield the mails that a task was sending: of its enrollments, or its own."""
    sending = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.SENDING)
    for email_id, holder, cause in sending.values_list("pk", "lease_token", "cause"):
        is_of_step = cause.startswith(Enrollment.MAIL_CAUSE_PREFIX)
        if holder == token or (is_of_step and Enrollment.id_in_cause(cause) in ids):
            yield email_id
