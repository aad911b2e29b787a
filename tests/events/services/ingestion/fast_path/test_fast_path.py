"""What the fast path takes, what it leaves to the reference path, and that nothing is lost."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from events.models import Event, EventDefinition
from events.services.configuration import remembered, sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import Subscriber, SubscriberTag, Tag
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.faults.test_event_faults import refusing
from tests.support.calling import Caller, Reply
from tests.support.enrollment_making import enrollments
from tests.support.sequence_making import make_sequence

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULES = [
    RuleSpec(trigger_event="buy", add=["customer"], remove=["lead"]),
    RuleSpec(trigger_event="buy", add=["vip"], requires=["customer"], requires_not=["blocked"]),
    RuleSpec(trigger_event="ask", add=["lead"], purchased_product={"vendors": ["Acme"]}),
]
# What the fast path sends, and nothing else does.
FAST_STATEMENT = "INSERT INTO events_event ("


def is_fast(queries: CaptureQueriesContext) -> bool:
    """Tell whether the fast path stored events."""
    sent = [query["sql"] for query in queries]
    return any(FAST_STATEMENT in sql for sql in sent) and not any(
        'INSERT INTO "events_event"' in sql for sql in sent
    )


@pytest.mark.parametrize("count", [1, 500])
@pytest.mark.parametrize("has_event_ids", [True, False])
def test_a_plain_request_takes_three_statements_at_most(
    caller: Caller, count: int, has_event_ids: bool
) -> None:
    def events() -> list[dict[str, Any]]:
        names = [{"name": f"n{number % 7}"} for number in range(count)]
        if not has_event_ids:
            return names
        return [{**each, "eventId": uuid.uuid4().hex} for each in names]

    caller.bulk(*events())

    caller.bulk(*events())
    with CaptureQueriesContext(connection) as queries:
        reply = caller.bulk(*events())

    sent = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert reply.status == 200
    assert is_fast(queries)
    # SQLite asks for the person first, which costs it no way over a wire.
    assert len([sql for sql in sent if not sql.startswith("INSERT INTO events_event")]) <= 3
    assert Event.objects.count() == 3 * count


def test_names_that_concern_no_sequence_stay_as_quick_beside_sequences(caller: Caller) -> None:
    stop = {"type": "event_received", "value": "end"}
    make_sequence(caller.workspace, {"type": "delay", "days": 30}, stopCondition=stop)
    for _ in range(2):
        caller.bulk({"name": "view"}, {"name": "signup"})

    with CaptureQueriesContext(connection) as queries:
        caller.bulk({"name": "view"})

    sent = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert is_fast(queries)
    assert not any("enrollment" in sql for sql in sent)
    assert len([sql for sql in sent if not sql.startswith("INSERT INTO events_event")]) <= 3


@pytest.mark.parametrize("address", ["new@example.com", "a@example.com"])
@pytest.mark.parametrize("name", ["signup", "end", "came"])
def test_what_starts_stops_and_releases_goes_the_fast_path(
    caller: Caller, name: str, address: str
) -> None:
    stop = {"type": "event_received", "value": "end"}
    wait = {"type": "wait_for_event", "eventName": "came"}
    make_sequence(caller.workspace, wait, stopCondition=stop)
    for _ in range(2):
        caller.bulk({"name": "signup"}, {"name": "end"}, {"name": "came"}, {"name": "signup"})

    with CaptureQueriesContext(connection) as queries:
        reply = caller.bulk({"name": name}, email=address)

    sent = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert reply.status == 200
    assert is_fast(queries)
    assert len(sent) <= 10


def test_an_enrollment_that_ends_makes_room_for_another_in_one_quick_request(
    caller: Caller,
) -> None:
    stop = {"type": "event_received", "value": "end"}
    make_sequence(caller.workspace, {"type": "delay", "days": 30}, stopCondition=stop)
    for _ in range(2):
        caller.bulk({"name": "signup"}, {"name": "end"}, {"name": "signup"})

    with CaptureQueriesContext(connection) as queries:
        caller.bulk(*[{"name": name} for name in ("end", "signup", "end", "signup")])

    assert is_fast(queries)
    assert Counter(enrollment.status for enrollment in enrollments()) == {"stopped": 4, "active": 1}


def test_a_rule_made_meanwhile_runs_at_the_next_request(caller: Caller) -> None:
    caller.bulk({"name": "buy"})
    caller.bulk({"name": "buy"})

    sync_rules.replace_all(workspace=caller.workspace, specs=RULES)
    caller.bulk({"name": "buy"})
    sync_rules.replace_all(workspace=caller.workspace, specs=[])
    caller.bulk({"name": "buy"})

    effects = [event.effects for event in Event.objects.order_by("pk")]
    assert [sorted(each) for each in effects] == [[], [], ["tagsAdded"], []]


def test_a_rule_saved_between_authentication_and_insert_is_seen_by_the_statement(
    caller: Caller,
) -> None:
    caller.bulk({"name": "buy"})
    caller.bulk({"name": "buy"})
    is_done = False

    def interfere(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal is_done
        if "subscribers_subscriber s" in sql and not is_done:
            is_done = True
            sync_rules.replace_all(workspace=caller.workspace, specs=RULES)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interfere):
        caller.bulk({"name": "buy"})

    assert is_done
    assert SubscriberTag.objects.count() == 2
    assert Event.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_definition_that_is_gone_is_made_again(caller: Caller) -> None:
    caller.bulk({"name": "a"})
    caller.bulk({"name": "a"})
    Event.objects.all().delete()
    EventDefinition.objects.all().delete()

    first = caller.bulk({"name": "a"})
    second = caller.bulk({"name": "a"})

    assert first.status == second.status == 200
    assert [reply.json["events"][0]["definitionCreated"] for reply in (first, second)] == [
        True,
        False,
    ]
    assert Event.objects.count() == 2


def test_a_name_that_was_rolled_back_is_not_remembered(caller: Caller) -> None:
    caller.bulk({"name": "a"})

    caller.bulk({"name": "b"}, query="?dryRun=true")
    reply = caller.bulk({"name": "b"})

    assert reply.json["events"][0]["definitionCreated"] is True


def test_a_fault_in_the_third_of_five_known_names_leaves_four(caller: Caller) -> None:
    events = [{"name": f"n{number}"} for number in range(1, 6)]
    caller.bulk(*events)
    Event.objects.all().delete()
    poison = EventDefinition.objects.get(name="n3").pk
    literal = poison if connection.vendor == "postgresql" else poison.hex

    with refusing("events_event", when=f"NEW.definition_id = '{literal}'"):
        reply = caller.bulk(*events)

    assert reply.status == 207
    assert reply.json["events"][2]["error"]["code"] == "INTERNAL"
    stored = Event.objects.order_by("pk").values_list("definition__name", flat=True)
    assert list(stored) == ["n1", "n2", "n4", "n5"]


def test_repeats_among_new_events_are_recognised(caller: Caller) -> None:
    first = caller.bulk({"name": "a", "eventId": "1"}, {"name": "a", "eventId": "2"})
    known = [event["id"] for event in first.json["events"]]

    reply = caller.bulk({"name": "a", "eventId": "2"}, {"name": "a", "eventId": "3"}, {"name": "a"})

    repeated, fresh, nameless = reply.json["events"]
    assert (repeated["id"], repeated["duplicate"]) == (known[1], True)
    assert "duplicate" not in fresh
    assert "duplicate" not in nameless
    assert Event.objects.count() == 4


@pytest.mark.parametrize("field", ["firstName", "lastName"])
def test_an_empty_name_is_still_filled(caller: Caller, field: str) -> None:
    caller.bulk({"name": "a"})

    caller.bulk({"name": "a"}, **{"email": "a@example.com", field: "Ada"})

    person = Subscriber.objects.get()
    assert "Ada" in (person.first_name, person.last_name)


@pytest.mark.parametrize(
    "attributes", [{"plan": "free"}, {"a": {"b": 1}}, {"plan": None}, {"x": 1}]
)
def test_changed_attributes_are_still_merged(caller: Caller, attributes: dict[str, Any]) -> None:
    stored = {"plan": "pro", "a": {"b": 1, "c": 2}}
    caller.bulk({"name": "a"}, email="a@example.com", customAttributes=stored)

    caller.bulk({"name": "a"}, email="a@example.com", customAttributes=attributes)

    expected = {key: value for key, value in {**stored, **attributes}.items() if value is not None}
    assert Subscriber.objects.get().attributes == expected


def test_the_same_attributes_again_change_nothing_and_stay_fast(caller: Caller) -> None:
    attributes = {"plan": "pro", "a": {"b": 1}}
    caller.bulk({"name": "a"}, email="a@example.com", customAttributes=attributes)
    before = Subscriber.objects.get().updated_at

    with CaptureQueriesContext(connection) as queries:
        caller.bulk({"name": "a"}, email="a@example.com", customAttributes=attributes)

    assert is_fast(queries)
    assert Subscriber.objects.get().updated_at == before


def test_somebody_pending_goes_the_reference_path(db: None) -> None:
    caller = new_caller(workspaces.create(name="Acme", double_opt_in=True))
    caller.bulk({"name": "a"})

    with CaptureQueriesContext(connection) as queries:
        caller.bulk({"name": "a"})

    assert not is_fast(queries)
    assert Event.objects.count() == 2


def test_what_is_remembered_is_bounded(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_WORKSPACES", 2)
    others = [new_caller(workspaces.create(name="W", slug=f"w{number}")) for number in range(5)]

    for each in (caller, *others):
        each.bulk({"name": "a"})
        each.bulk({"name": "a"})

    assert len(remembered._by_workspace) <= 2
    assert Event.objects.count() == 12


@contextmanager
def losing_the_answer(*, after: str) -> Iterator[list[int]]:
    """Cut the connection once the statement has been done, before its answer is read."""
    cuts: list[int] = []

    def cut(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if after in sql and not cuts:
            cuts.append(1)
            pid = connection.connection.info.backend_pid
            with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
            raise OperationalError("server closed the connection unexpectedly")
        return answer

    with connection.execute_wrapper(cut):
        yield cuts


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("event_id", [None, "1"])
def test_a_lost_answer_leaves_every_event_once(event_id: str | None) -> None:
    caller = new_caller(workspaces.create(name="Acme"))
    events = [{"name": "a", "eventId": event_id and f"{event_id}-{n}"} for n in range(3)]
    caller.bulk({"name": "a"})

    with losing_the_answer(after=FAST_STATEMENT) as cuts:
        reply = caller.bulk(*events)

    assert cuts == [1]
    assert reply.status == 200
    assert not any("duplicate" in event for event in reply.json["events"])
    answered = [event["id"].removeprefix("evt_") for event in reply.json["events"]]
    stored = [event.pk.hex for event in Event.objects.order_by("pk")]
    assert stored[1:] == answered


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attributes", [{}, {"plan": "pro"}], ids=["as planned", "under the lock"])
def test_a_tag_put_on_while_a_request_waits_for_the_person_is_seen_by_its_rules(
    attributes: dict[str, str],
) -> None:
    caller = new_caller(workspaces.create(name="Acme"))
    ask = RuleSpec(trigger_event="buy", add=["vip"], requires_not=["blocked"])
    sync_rules.replace_all(workspace=caller.workspace, specs=[ask])
    caller.bulk({"name": "buy"})
    caller.bulk({"name": "buy"})
    SubscriberTag.objects.all().delete()
    person, blocked = Subscriber.objects.get(), Tag.objects.get(name="blocked")
    replies: list[Reply] = []

    def send() -> None:
        replies.append(
            caller.bulk({"name": "buy"}, email="a@example.com", customAttributes=attributes)
        )
        connection.close()

    request = threading.Thread(target=send)
    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute(
            "UPDATE subscribers_subscriber SET tags_version = tags_version + 1 WHERE id = %s",
            [person.pk],
        )
        request.start()
        wait_until_somebody_waits_for_a_lock()
        other.execute(
            "INSERT INTO subscribers_subscribertag"
            " (id, workspace_id, subscriber_id, tag_id, created_at)"
            " VALUES (%s, %s, %s, %s, now())",
            [uuid.uuid4(), person.workspace_id, person.pk, blocked.pk],
        )
    request.join(timeout=30)

    assert replies[0].status == 200
    assert [each.tag.name for each in SubscriberTag.objects.all()] == ["blocked"]
    last = Event.objects.order_by("pk").last()
    assert last is not None
    assert [each["reason"] for each in last.effects["rulesSkipped"]] == ["excluded_tag_present"]
    assert Event.objects.count() == 3


def wait_until_somebody_waits_for_a_lock() -> None:
    """Return once a statement on the server waits for another transaction."""
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone():
                return
        time.sleep(0.01)
    raise TimeoutError("Nobody waits for a lock.")
