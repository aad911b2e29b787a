"""One round of the ticker: what is due and free is claimed, and the queue rings for it.

Claims and queue rows are one short transaction: a run is never claimed without a task, nor rung
for without a claim. The queue holds two batches for each process that works anywhere, the one at
hand and the next; more would keep an urgent mail's claim no shorter and a dead worker's claims
longer. A slot beyond that is always free for confirmations.
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


@dataclass(frozen=True, slots=True)
class QueuedRound:
    """How many tasks were rung for; when the queue is full, more may be due."""

    tasks: int
    is_full: bool


def ring(*, now: datetime, processes: int) -> QueuedRound:
    """Claim what is due as far as there is room, and enqueue it; atomic.

    `processes` are those of all live hosts, since any of them may take what is rung for here: with
    two hosts either ticker keeps all of them busy.
    """
    with transaction.atomic():
        depth = enqueue.depth(now=now)
        room = room_in(depth, processes=processes)
        batches = _claim(now, room, depth)
        calls = [
            (Lane(batch.lane), TaskCall("events.tasks.advance", _arguments(batch)))
            for batch in batches
        ]
        if depth.waiting[Lane.CONFIRMATION] < processes:
            mails = outbox_queue.claim_queued(now=now)
            if mails:
                call = TaskCall("events.tasks.send_queued", _arguments(mails))
                calls.append((Lane.CONFIRMATION, call))
        if calls:
            enqueue.put(calls=calls)
    return QueuedRound(tasks=len(calls), is_full=len(batches) >= room)


def has_room(*, now: datetime, processes: int) -> bool:
    """Tell whether a round could ring for anything."""
    return room_in(enqueue.depth(now=now), processes=processes) > 0


def room_in(depth: enqueue.Depth, *, processes: int) -> int:
    """Return how many batches may be added.

    Of the tasks that were taken no more count than there are processes: the others belonged to
    processes that died, and are offered again much later.
    """
    outstanding = depth.all_waiting + min(depth.taken, processes)
    return max(0, BATCHES_PER_PROCESS * processes - outstanding)


def return_expired() -> int:
    """Give back what dead workers held, and call unknown what they were sending."""
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
