"""The same rows by import and one by one through the API: equal people, events and answers."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from events.models import Event, EventDefinition
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import Confirmation, ListMembership, Subscriber, SubscriberTag, Workspace
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.support.calling import Caller
from tests.support.importing_files import import_events, write_lines
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PERSONAL = ("email", "externalId", "firstName", "lastName", "customAttributes")
EMAILS = [None, "ada@example.com", "Ada@Example.com", "bo@example.com", "cy@example.com", "no mail"]
EXTERNAL_IDS = [None, None, None, "1", "2", "3", " 4 ", 5]
NAMES = ["paid", "visited", "left", "far", "", "new " + "x" * 200]


def draw_rows(seed: int, count: int) -> list[dict[str, Any]]:
    """Return rows, many of which are wrong or about people in each other's way."""
    draw = random.Random(seed)  # noqa: S311 - the same rows each time
    return [
        {
            "email": draw.choice(EMAILS),
            "externalId": draw.choice(EXTERNAL_IDS),
            "firstName": draw.choice([None, "", "Ada", "Bo"]),
            "lastName": draw.choice([None, None, "Lovelace", "x" * 256]),
            "customAttributes": draw.choice(
                [None, None, {"plan": "pro"}, {"plan": None, "seats": 2}, {"bio": "x" * 90}, 7]
            ),
            "name": draw.choice(NAMES),
            "eventId": draw.choice([None, "e1", "e2", "e3"]),
            "occurredAt": at(NOON - timedelta(hours=draw.randrange(2, 9000))),
            "properties": draw.choice(
                [None, {}, {"order": {"id": draw.randrange(9)}}, [], {"a": "\\"}]
            ),
        }
        for _ in range(count)
    ]


def at(moment: datetime) -> str:
    return moment.isoformat()


def by_api(caller: Caller, rows: list[dict[str, Any]]) -> tuple[dict[str, int], list[str]]:
    """Send a request for each row; return what they came to and why some were refused."""
    counts = {"recorded": 0, "duplicates": 0, "rejected": 0, "conflicts": 0}
    reasons = []
    for row in rows:
        event = {name: value for name, value in row.items() if name not in PERSONAL}
        person = without_known_attributes(caller.workspace, row)
        reply = caller.bulk(event, **person)
        if reply.status == 409:
            # History counts for the address.
            reply = caller.bulk(event, **person | {"externalId": None})
            counts["conflicts"] += reply.status == 200
        if reply.status != 200:
            counts["rejected"] += 1
            reasons.append(reply.message)
        elif reply.json["events"][0].get("duplicate"):
            counts["duplicates"] += 1
        else:
            counts["recorded"] += 1
    return counts, reasons


def without_known_attributes(workspace: Workspace, row: dict[str, Any]) -> dict[str, Any]:
    """Return what a row says of its person, less the attributes that are known already."""
    person = {name: row[name] for name in PERSONAL}
    people = Subscriber.objects.filter(workspace=workspace)
    known = people.filter(email_key=str(row["email"]).lower()).first()
    known = known or people.filter(external_id=str(row["externalId"]).strip()).first()
    given = row["customAttributes"]
    if known is not None and isinstance(given, dict):
        person["customAttributes"] = {
            key: value for key, value in given.items() if key not in known.attributes
        }
    return person


def picture(workspace: Workspace) -> dict[str, Any]:
    """Return all that is stored, without what differs from one workspace to the next."""
    people = Subscriber.objects.filter(workspace=workspace).order_by("email_key")
    events = Event.objects.filter(workspace=workspace).order_by("id")
    return {
        "people": list(
            people.values_list(
                "email", "external_id", "first_name", "last_name", "status", "attributes",
                "created_at", "updated_at", "tags_version", "timezone",
            )
        ),
        "tokens": {len(each.unsubscribe_token) for each in people},
        "events": [
            (
                event.subscriber.email, event.definition.name, event.event_id, event.occurred_at,
                event.received_at, event.is_historical, event.properties, sorted(event.effects),
            )
            for event in events.select_related("subscriber", "definition")
        ],
        "names": sorted(
            EventDefinition.objects.filter(workspace=workspace).values_list("name", "created_at")
        ),
        "lists": sorted(
            ListMembership.objects.filter(workspace=workspace).values_list(
                "subscriber__email", "list__name", "subscribed_at"
            )
        ),
        "questions": sorted(
            Confirmation.objects.filter(workspace=workspace).values_list(
                "subscriber__email", "mails", "asked_at"
            )
        ),
        "tags": SubscriberTag.objects.filter(workspace=workspace).count(),
    }  # fmt: skip


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
@pytest.mark.parametrize("double_opt_in", [False, True])
def test_rows_become_what_requests_become(
    tmp_path: Path, settings: Any, seed: int, batch_rows: int, double_opt_in: bool
) -> None:
    settings.MAX_DEFINITIONS = 3
    settings.MAX_ATTRIBUTES_BYTES = 100
    one, other = (
        workspaces.create(name=name, slug=name, double_opt_in=double_opt_in, default_lists=["News"])
        for name in ("one", "other")
    )
    for workspace in (one, other):
        spec = RuleSpec(trigger_event="paid", add=["customer"])
        sync_rules.replace_all(workspace=workspace, specs=[spec])
        workspace.refresh_from_db()
        make_sequence(workspace, {"type": "delay", "days": 1}, now=NOON)
    rows = draw_rows(seed, 80)
    expected, reasons = by_api(new_caller(one), rows)

    path = write_lines(tmp_path / "events.jsonl", rows)
    _, said = import_events(path, f"--batch-size={batch_rows}", slug="other")

    assert {name: said[name] for name in expected} == expected
    assert picture(other) == picture(one)
    assert said["rows"] == len(rows)
    assert sum(said["reasons"].values()) == said["rejected"] == len(reasons)


@time_machine.travel(NOON, tick=False)
def test_a_file_once_more_changes_nothing(tmp_path: Path, workspace: Workspace) -> None:
    rows = [
        {
            "email": f"p{number % 7}@example.com",
            "firstName": "Ada",
            "customAttributes": {"last": number % 7},
            "name": "paid",
            "eventId": str(number),
            "occurredAt": at(NOON - timedelta(days=number)),
        }
        for number in range(50)
    ]
    path = write_lines(tmp_path / "events.jsonl", rows)
    _, first = import_events(path, slug=workspace.slug)
    before = picture(workspace)

    _, second = import_events(path, slug=workspace.slug)

    assert second["duplicates"] == first["recorded"] == 50
    assert second["recorded"] == second["subscribersCreated"] == second["definitionsCreated"] == 0
    assert picture(workspace) == before


@time_machine.travel(NOON, tick=False)
def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path, workspace: Workspace) -> None:
    path = write_lines(tmp_path / "events.jsonl", draw_rows(5, 80))

    _, dry = import_events(path, "--dry-run", "--batch-size=7", slug=workspace.slug)
    empty = picture(workspace)
    _, real = import_events(path, "--batch-size=7", slug=workspace.slug)

    counts = ("rows", "recorded", "duplicates", "rejected", "reasons")
    created = ("subscribersCreated", "definitionsCreated")
    assert {name: dry[name] for name in counts + created} == {
        name: real[name] for name in counts + created
    }
    assert not empty["people"]
    assert not empty["events"]
    assert not empty["names"]


@time_machine.travel(NOON, tick=False)
def test_a_row_that_is_refused_is_refused_in_the_words_of_the_api(
    tmp_path: Path, caller: Caller
) -> None:
    rows = [
        {"externalId": "nobody", "name": "paid"},
        {"email": "ada@example.com", "name": "", "occurredAt": "2026-01-01T00:00:00Z"},
        {"email": "ada@example.com", "name": "paid", "occurredAt": "yesterday"},
        {"email": "nonsense", "name": "paid"},
    ]
    rejects = tmp_path / "rejects.jsonl"

    import_events(
        write_lines(tmp_path / "events.jsonl", rows),
        f"--rejects={rejects}",
        "--occurred-now",
        slug=caller.workspace.slug,
    )

    said = [json.loads(line)["error"] for line in rejects.read_text().splitlines()]
    for number, (row, error) in enumerate(zip(rows, said, strict=True), start=1):
        event = {name: value for name, value in row.items() if name not in PERSONAL}
        given: dict[str, Any] = {name: row.get(name) for name in ("email", "externalId")}
        reply = caller.bulk(event, **given)
        words = reply.json["error"].get("details", [{"message": reply.message}])[0]["message"]
        assert error.startswith(f"line {number}: ")
        assert words in error
