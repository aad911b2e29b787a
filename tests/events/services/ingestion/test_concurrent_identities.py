"""Erasing, merging and readdressing people while their application goes on reporting events."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection

from events.models import Event
from subscribers.models import Subscriber, Workspace
from subscribers.services.consent.ledger import NOTHING_KNOWN
from subscribers.services.people import changing_address, erasing, merging
from tests.support.beside import beside
from tests.support.calling import Caller, Reply
from tests.support.searching import rows_with
from tests.support.sequence_making import make_sequence

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
THREADS = 6
ROUNDS = 15
ADA, BOB = "ada@example.com", "bob@example.com"


def while_events_come(caller: Caller, change: Callable[[], None]) -> list[Reply]:
    """Change something again and again while six threads send events of both; returns the answers.

    Some go the short way, some define names, some start a sequence, some keep their answer.
    """
    make_sequence(caller.workspace)
    replies: list[Reply] = []
    is_over = threading.Event()

    def send(number: int) -> None:
        try:
            for count in range(1000):
                if is_over.is_set():
                    return
                event = [
                    {"name": "plain"},
                    {"name": "signup", "eventId": f"{number}-{count}"},
                    {"name": f"name {count % 7}"},
                ][count % 3]
                headers = {"Idempotency-Key": f"{number}-{count}"} if count % 2 else {}
                body = {"email": (ADA, BOB)[count % 2], "events": [event]}
                replies.append(
                    caller.post("/api/v1/subscribers/events/bulk", body, headers=headers)
                )
        finally:
            connection.close()

    senders = [threading.Thread(target=send, args=[number]) for number in range(THREADS)]
    for sender in senders:
        sender.start()
    try:
        with beside(lambda: repeat(change)):
            pass
    finally:
        is_over.set()
        for sender in senders:
            sender.join(timeout=60)
    return replies


def repeat(change: Callable[[], None]) -> None:
    for _ in range(ROUNDS):
        change()


def found(workspace: Workspace, address: str) -> Subscriber | None:
    people = Subscriber.objects.filter(workspace=workspace, email_key=address)
    for _ in range(200):
        person = people.first()
        if person is not None:
            return person
        threading.Event().wait(0.01)
    return None


def erase(workspace: Workspace, address: str) -> None:
    person = found(workspace, address)
    if person is not None:
        erasing.erase(
            subscriber_id=person.pk, circumstances=NOTHING_KNOWN, now=datetime.now(tz=UTC)
        )


def test_no_request_fails_and_nothing_is_left_of_who_was_erased(caller: Caller) -> None:
    workspace = caller.workspace

    replies = while_events_come(caller, lambda: erase(workspace, ADA))

    assert {reply.status for reply in replies} == {200}
    erase(workspace, ADA)
    assert rows_with(ADA) == []
    assert Event.objects.filter(subscriber__email_key=BOB).exists()


def test_no_request_fails_and_no_event_is_lost_of_who_was_merged(caller: Caller) -> None:
    workspace = caller.workspace

    def merge() -> None:
        kept, gone = found(workspace, ADA), found(workspace, BOB)
        assert kept is not None
        assert gone is not None
        merging.merge(
            kept_id=kept.pk,
            gone_id=gone.pk,
            attributes_bytes=1000,
            circumstances=NOTHING_KNOWN,
            now=datetime.now(tz=UTC),
        )

    replies = while_events_come(caller, merge)

    assert {reply.status for reply in replies} == {200}
    assert Event.objects.count() == len(replies)


def test_no_request_fails_and_no_event_is_lost_of_who_has_another_address(caller: Caller) -> None:
    workspace = caller.workspace
    addresses = iter(f"ada-{number}@example.com" for number in range(ROUNDS))

    def change() -> None:
        person = found(workspace, ADA)
        assert person is not None
        changing_address.change(
            subscriber_id=person.pk,
            address=next(addresses),
            circumstances=NOTHING_KNOWN,
            now=datetime.now(tz=UTC),
        )

    replies = while_events_come(caller, change)

    assert {reply.status for reply in replies} == {200}
    assert Event.objects.count() == len(replies)
