"""Many requests at once, with real threads on PostgreSQL."""

import random
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection

from events.models import Event, EventDefinition
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import Subscriber, SubscriberTag
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.support.calling import BULK, IMPORTS, Caller, Reply

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
THREADS = 32


@pytest.fixture
def application() -> Caller:
    workspace = workspaces.create(name="Acme", default_lists=["News"])
    sync_rules.replace_all(
        workspace=workspace,
        specs=[
            RuleSpec(trigger_event="name 1", add=["x"]),
            RuleSpec(trigger_event="name 2", remove=["x"], add=["y"]),
        ],
    )
    return new_caller(workspace)


def at_once(send: Callable[[int], Reply], *, threads: int = THREADS) -> list[Reply]:
    """Call `send` with 0, 1, 2, … from as many threads, all starting together."""
    replies: list[Reply] = []
    barrier = threading.Barrier(threads)

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=30)
            replies.append(send(number))
        finally:
            connection.close()

    workers = [threading.Thread(target=run, args=[number]) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert len(replies) == threads
    return replies


def test_32_requests_for_one_new_person_make_one_of_everything(application: Caller) -> None:
    def send(number: int) -> Reply:
        shuffler = random.Random(number)  # noqa: S311 - an order, not a secret
        names = [f"name {n}" for n in range(20)]
        shuffler.shuffle(names)
        events = [{"name": name, "eventId": f"id of {name}"} for name in names]
        return application.bulk(*events, email="new@example.com", externalId="new")

    replies = at_once(send)

    assert {reply.status for reply in replies} == {200}
    assert Subscriber.objects.count() == 1
    assert Event.objects.count() == 20
    assert EventDefinition.objects.count() == 20
    created = [reply.json["subscriber"]["created"] for reply in replies]
    assert created.count(True) == 1
    defined = Counter(
        event["name"]
        for reply in replies
        for event in reply.json["events"]
        if event["definitionCreated"]
    )
    assert set(defined.values()) == {1}
    assert len(defined) == 20
    new = [
        event
        for reply in replies
        for event in reply.json["events"]
        if not event.get("duplicate", False)
    ]
    assert len(new) == 20


def test_overlapping_new_names_for_different_people_are_defined_once_each(
    application: Caller,
) -> None:
    def send(number: int) -> Reply:
        names = [f"name {n}" for n in range(number % 8, number % 8 + 30)]
        random.Random(number).shuffle(names)  # noqa: S311 - an order, not a secret
        return application.bulk(
            *[{"name": name} for name in names], email=f"person{number}@example.com"
        )

    replies = at_once(send)

    assert {reply.status for reply in replies} == {200}
    assert Subscriber.objects.count() == THREADS
    assert Event.objects.count() == THREADS * 30
    defined = Counter(
        event["name"]
        for reply in replies
        for event in reply.json["events"]
        if event["definitionCreated"]
    )
    assert set(defined.values()) == {1}
    assert EventDefinition.objects.count() == len(defined) == 37


def test_crossing_identities_end_with_one_owner_and_no_fault_of_ours(application: Caller) -> None:
    identities: list[dict[str, str]] = [
        {"email": "a@example.com", "externalId": "X"},
        {"email": "b@example.com", "externalId": "X"},
        {"externalId": "X"},
        {"email": "a@example.com"},
    ]

    replies = at_once(
        lambda number: application.bulk({"name": "n"}, query="", **identities[number % 4])
    )

    assert {reply.status for reply in replies} <= {200, 404, 409}
    assert Subscriber.objects.filter(external_id="X").count() == 1
    owner = Subscriber.objects.get(external_id="X")
    named_x = [
        reply.json["subscriber"]
        for reply in replies
        if reply.status == 200 and reply.json["subscriber"]["externalId"] == "X"
    ]
    assert {subscriber["id"] for subscriber in named_x} == {owner.public_id}
    assert Event.objects.count() == sum(reply.status == 200 for reply in replies)


def test_the_limit_of_definitions_holds_against_many_at_once(
    application: Caller, settings: object
) -> None:
    settings.MAX_DEFINITIONS = 10  # type: ignore[attr-defined]  # pytest-django's wrapper

    replies = at_once(
        lambda number: application.bulk(
            {"name": "known"}, {"name": f"new {number}"}, email=f"p{number}@example.com"
        )
    )

    assert {reply.status for reply in replies} == {200, 207}
    assert EventDefinition.objects.count() == 10


def test_tags_and_events_of_one_person_agree_after_a_storm(application: Caller) -> None:
    application.bulk({"name": "start"})

    replies = at_once(
        lambda number: application.bulk({"name": f"name {1 + number % 2}"}, {"name": "z"})
    )

    assert {reply.status for reply in replies} == {200}
    last = (
        Event.objects.filter(definition__name__in=["name 1", "name 2"])
        .exclude(effects={})
        .order_by("id")
    )
    added = [change["tag"] for event in last for change in event.effects.get("tagsAdded", [])]
    tags_now = set(SubscriberTag.objects.values_list("tag__name", flat=True))
    assert tags_now <= set(added)
    assert "y" in tags_now


def test_an_idempotency_key_sent_at_once_by_many_does_the_work_once(application: Caller) -> None:
    body = {"email": "a@example.com", "events": [{"name": "n"}]}

    replies = at_once(lambda _: application.post(BULK, body, headers={"Idempotency-Key": "same"}))

    assert {reply.status for reply in replies} <= {200, 409}
    assert Event.objects.count() == 1


def test_imports_of_the_same_people_in_opposite_orders_do_not_block_each_other(
    application: Caller,
) -> None:
    people = [f"p{n}@example.com" for n in range(12)]

    def send(number: int) -> Reply:
        order = people if number % 2 else people[::-1]
        events = [
            {"name": f"name {number % 5}", "eventId": str(number), "email": email}
            for email in order
        ]
        return application.post(IMPORTS, {"events": events})

    replies = at_once(send, threads=12)

    assert {reply.status for reply in replies} == {200}
    assert sum(reply.json["recorded"] for reply in replies) == 144
    assert Event.objects.count() == 144
