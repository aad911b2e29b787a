"""One round of the ticker: claims what is due and queues a task for it.

Both are one short transaction: no claim without a task, no task without a claim. The queue holds
two batches for each process anywhere, the current one and the next; more would not make urgent
mails faster, but keep a dead worker's claims longer. One more slot is always free for
confirmations.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from events import enqueue
from events.enqueue import Lane, TaskCall
from events.services.engine import claiming
from subscribers.services.dispatch import queue as outbox_queue
from subscribers.services.outbox import outbox

BATCHES_PER_PROCESS = 2
# Their arguments are the token of a claim, then the ids that it holds.
ADVANCE = "events.tasks.advance"
SEND_QUEUED = "events.tasks.send_queued"


@dataclass(frozen=True, slots=True)
class QueuedRound:
    """How many tasks were queued; if the queue is full, more may be due."""

    tasks: int
    is_full: bool


def queue_due(*, now: datetime, processes: int) -> QueuedRound:
    """Claim what is due as far as the queue has room, and enqueue it; atomic.

    `processes` counts those of all live hosts, as any of them may take the tasks: with two hosts
    either ticker keeps all of them busy.
    """
    with transaction.atomic():
        depth = enqueue.depth(now=now)
        room = room_in(depth, processes=processes)
        batches = _claim(now, room, depth)
        calls = [(Lane(batch.lane), TaskCall(ADVANCE, _arguments(batch))) for batch in batches]
        if depth.waiting[Lane.CONFIRMATION] < processes:
            mails = outbox_queue.claim_queued(now=now)
            if mails:
                call = TaskCall(SEND_QUEUED, _arguments(mails))
                calls.append((Lane.CONFIRMATION, call))
        if calls:
            enqueue.put(calls=calls)
    return QueuedRound(tasks=len(calls), is_full=len(batches) >= room)


def has_room(*, now: datetime, processes: int) -> bool:
    return room_in(enqueue.depth(now=now), processes=processes) > 0


def room_in(depth: enqueue.Depth, *, processes: int) -> int:
    """Return how many batches may be added.

    Taken tasks count up to the number of processes: the others belonged to dead processes, and are
    offered again much later.
    """
    outstanding = depth.all_waiting + min(depth.taken, processes)
    return max(0, BATCHES_PER_PROCESS * processes - outstanding)


def return_expired() -> int:
    """Return the claims of dead workers, and mark what they were sending as unknown."""
    returned = claiming.return_expired()
    returned += outbox_queue.return_expired()
    return returned + outbox.expire_sending()


def _claim(now: datetime, room: int, depth: enqueue.Depth) -> list[claiming.ClaimedBatch]:
    if room:
        return claiming.claim_due(now=now, most_batches=room)
    if depth.waiting[Lane.CONFIRMATION]:
        return []
    return claiming.claim_due(now=now, most_batches=1, lowest_lane=Lane.CONFIRMATION)


def _arguments(batch: claiming.ClaimedBatch | outbox_queue.Claimed) -> tuple[str, ...]:
    return (batch.token.hex, *(each.hex for each in batch.ids))
