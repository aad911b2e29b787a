"""The fast path gives the reference path's answers and rows.

A request with an `Idempotency-Key` goes the reference path; the same request without one may go
the fast path. So every case runs through the URL conf twice, in two workspaces alike.

`SEEDS` (4) requests at random are tried by each test of this kind; 25 before a release.
"""

import json
import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Event, EventDefinition
from events.services.configuration import sync_rules
from subscribers.models import ListMembership, Subscriber, SubscriberTag, Tag, Workspace
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.events.services.ingestion.fast_path.test_fast_path import RULES, is_fast
from tests.support.calling import BULK, Caller, Reply

SEEDS = int(os.environ.get("SEEDS", "4"))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make_application(slug: str) -> Caller:
    """Return an application of a workspace with rules and a default list."""
    workspace = workspaces.create(name=slug, slug=slug, default_lists=["News"])
    sync_rules.replace_all(workspace=workspace, specs=RULES)
    return new_caller(workspace)


NAMES = ["view", "view", "click", "open", "buy", "ask"]


def random_event(choose: random.Random, names: list[str]) -> Any:
    """Return an event as callers send them: mostly plain, some with a twist."""
    event: dict[str, Any] = {"name": choose.choice(names)}
    if choose.random() < 0.4:
        event["eventId"] = choose.choice("abcdef")
    if choose.random() < 0.5:
        event["properties"] = choose.choice(
            [{"n": 1}, {"vendor": "Acme"}, {"deep": [{"é": [1.5, None, True]}]}, {"big": 10**25}]
        )
    twist = choose.random()
    if twist < 0.08:
        return choose.choice([None, 7, {"name": ""}, {"name": "x" * 201}, {"properties": {}}])
    if twist < 0.16:
        event["occurredAt"] = choose.choice(
            ["2026-01-31T09:30:00Z", "2026-11-24T11:59:00+01:00", "soon", "2031-01-01T00:00:00Z"]
        )
    if twist > 0.95:
        event["name"] = choose.choice(["new {}", "New-{}"]).format(choose.randrange(4))
    if twist > 0.9:
        event["timestamp"] = "2026-11-24T11:59:00Z"
    return event


def random_request(choose: random.Random, names: list[str] = NAMES) -> dict[str, Any]:
    """Return a request about one of a few people."""
    number = choose.randrange(3)
    request: dict[str, Any] = {
        "events": [random_event(choose, names) for _ in range(choose.choice([1, 1, 3, 8]))]
    }
    kind = choose.random()
    if kind < 0.9:
        request["email"] = choose.choice(["P{}@example.com", "p{}@EXAMPLE.com"]).format(number)
    if kind > 0.7:
        request["externalId"] = f"u{choose.choice([number, number, 9])}"
    if choose.random() < 0.2:
        request["firstName"] = choose.choice(["Ada", "Bob"])
    if choose.random() < 0.15:
        request["timezone"] = choose.choice(["Europe/Berlin", "Asia/Tokyo", "UTC+2"])
    if choose.random() < 0.15:
        request["resubscribe"] = choose.choice([True, True, False, "yes"])
    if choose.random() < 0.1:
        request["user_id"] = 1
    if choose.random() < 0.2:
        request["customAttributes"] = choose.choice(
            [
                {"plan": "pro"},
                {"plan": None},
                {"n": 1},
                {"n": True},
                {"n": [0]},
                {"n": [False]},
                {"a": {"b": 1}},
                {"a": {"b": 1, "c": 2}},
                {"n": 1.0},
            ]
        )
    return request


def without_ids(reply: Reply, seen: dict[str, str]) -> Any:
    """Return the answer with each id replaced by the order in which it was first seen."""

    def cover(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: cover(each, name) for name, each in value.items() if name != "requestId"}
        if isinstance(value, list):
            return [cover(each) for each in value]
        if key == "id":
            return seen.setdefault(value, f"id-{len(seen)}")
        return value

    return reply.status, cover(reply.json)


def rows_of(workspace: Workspace, labels: dict[str, str] | None = None) -> Any:
    """Return every row that requests make, without ids; `labels` are for more ids in effects."""
    ours = {"workspace": workspace}
    rule_by_id = {
        rule.pk.hex: str(number)
        for number, rule in enumerate(workspace.sync_rules.order_by("position"))
    }
    tag_by_id = {tag.pk.hex: tag.name for tag in Tag.objects.filter(**ours)}
    events = []
    for event in Event.objects.filter(**ours).select_related("definition", "subscriber"):
        effects = json.dumps(event.effects)
        for row_id, name in {**rule_by_id, **tag_by_id, **(labels or {})}.items():
            effects = effects.replace(row_id, name)
        events.append(
            (
                event.subscriber.email, event.definition.name, event.event_id or "",
                event.occurred_at, event.received_at, event.is_historical,
                json.dumps(event.properties, sort_keys=True), effects,
            )
        )  # fmt: skip
    people = Subscriber.objects.filter(**ours).order_by("email_key").values_list(
        "email", "external_id", "first_name", "last_name", "timezone", "attributes", "status",
        "created_at", "updated_at",
    )  # fmt: skip
    return {
        "events": sorted(events, key=repr),
        "people": list(people),
        "tags": sorted(
            SubscriberTag.objects.filter(**ours).values_list("subscriber__email", "tag__name")
        ),
        "lists": sorted(
            ListMembership.objects.filter(**ours).values_list("subscriber__email", "list__name")
        ),
        "names": sorted(EventDefinition.objects.filter(**ours).values_list("name", flat=True)),
    }


@pytest.mark.parametrize("seed", range(SEEDS))
def test_fast_and_reference_path_give_the_same_answers_and_rows(db: None, seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - cases, no secrets
    fast, reference = make_application("fast"), make_application("reference")
    fast_ids: dict[str, str] = {}
    reference_ids: dict[str, str] = {}
    taken = 0

    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(40):
            clock.shift(timedelta(seconds=1))
            body = random_request(choose)
            with CaptureQueriesContext(connection) as queries:
                reply = fast.post(BULK, body)
            taken += is_fast(queries)
            key = {"Idempotency-Key": f"request-{number}"}
            expected = reference.post(BULK, body, headers=key)

            assert without_ids(reply, fast_ids) == without_ids(expected, reference_ids), body

    assert rows_of(fast.workspace) == rows_of(reference.workspace)
    assert taken >= 3
