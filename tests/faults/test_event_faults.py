"""Faults that the database itself makes, by triggers on the real tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from events.models import Event, EventDefinition, FailedStage
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from events.services.ingestion import failed_stages
from subscribers.models import Subscriber, SubscriberTag
from tests.support.calling import IMPORTS, SINGLE, Caller

pytestmark = pytest.mark.django_db


@contextmanager
def refusing(
    table: str, *, when: str = "", on: str = "INSERT", name: str = "first"
) -> Iterator[None]:
    """Make inserts into the table (or updates) fail where the condition on `NEW` holds.

    Two at once need two names.
    """
    condition = f"WHEN ({when})" if when else ""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE FUNCTION test_refuse_{name}() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$"
            )
            action = f"FOR EACH ROW {condition} EXECUTE FUNCTION test_refuse_{name}()"
        else:
            action = f"{condition} BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
        cursor.execute(f"CREATE TRIGGER test_refusal_{name} BEFORE {on} ON {table} {action}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP FUNCTION test_refuse_{name}() CASCADE")
            else:
                cursor.execute(f"DROP TRIGGER test_refusal_{name}")


def test_a_database_fault_in_the_third_of_five_leaves_four(caller: Caller) -> None:
    with refusing("events_event", when="NEW.event_id = '3'"):
        reply = caller.bulk(*[{"name": f"n{n}", "eventId": str(n)} for n in range(1, 6)])

    assert reply.status == 207
    failed = reply.json["events"][2]
    assert failed["index"] == 2
    assert failed["name"] == "n3"
    assert failed["error"]["code"] == "INTERNAL"
    assert "refused by the test" not in failed["error"]["message"]
    stored = Event.objects.order_by("id").values_list("event_id", flat=True)
    assert list(stored) == ["1", "2", "4", "5"]
    assert not EventDefinition.objects.filter(name="n3").exists()


def test_the_event_that_failed_can_be_sent_again(caller: Caller) -> None:
    with refusing("events_event", when="NEW.event_id = '2'"):
        caller.bulk({"name": "a", "eventId": "1"}, {"name": "b", "eventId": "2"})

    reply = caller.bulk({"name": "a", "eventId": "1"}, {"name": "b", "eventId": "2"})

    first, second = reply.json["events"]
    assert first["duplicate"] is True
    assert "duplicate" not in second
    assert second["definitionCreated"] is True


def test_the_first_stored_event_of_a_name_defines_it_when_an_earlier_one_failed(
    caller: Caller,
) -> None:
    with refusing("events_event", when="NEW.event_id = '1'"):
        reply = caller.bulk({"name": "a", "eventId": "1"}, {"name": "a", "eventId": "2"})

    assert reply.json["events"][1]["definitionCreated"] is True


def test_an_event_that_failed_leaves_no_tag(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[
            RuleSpec(trigger_event="a", add=["x"]),
            RuleSpec(trigger_event="b", requires=["x"], add=["y"]),
        ],
    )

    with refusing("events_event", when="NEW.event_id = '1'"):
        caller.bulk({"name": "a", "eventId": "1"}, {"name": "b"})

    assert not SubscriberTag.objects.exists()


def test_when_the_database_refuses_every_event_nothing_is_recorded(caller: Caller) -> None:
    with refusing("events_event"):
        reply = caller.bulk({"name": "a"}, {"name": ""})
        single = caller.post(SINGLE, {"email": "a@example.com", "event": "a"})

    assert reply.status == single.status == 500
    assert reply.code == single.code == "INTERNAL"
    assert reply.json["requestId"] == reply.headers["X-Request-Id"]
    assert not Subscriber.objects.exists()
    assert not EventDefinition.objects.exists()


def test_a_failed_stage_leaves_the_event_recorded_and_says_so(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )

    with refusing("subscribers_subscribertag"):
        reply = caller.bulk({"name": "a", "eventId": "1"}, {"name": "b"})

    assert reply.status == 200
    assert reply.json["success"] is True
    assert reply.json["events"][0]["sideEffectFailures"] == ["apply-sync-rules"]
    assert "sideEffectFailures" not in reply.json["events"][1]
    failed = FailedStage.objects.get()
    assert failed.event.event_id == "1"
    assert "refused by the test" in failed.last_error
    assert failed.event.effects["failedStages"][0]["stage"] == "apply-sync-rules"


def test_a_failed_stage_is_retried_at_once_when_its_event_id_comes_again(caller: Caller) -> None:
    (rule,) = sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    with refusing("subscribers_subscribertag"):
        caller.bulk({"name": "a", "eventId": "1"})

    reply = caller.bulk({"name": "a", "eventId": "1"})

    assert reply.json["events"][0]["duplicate"] is True
    assert "sideEffectFailures" not in reply.json["events"][0]
    assert not FailedStage.objects.exists()
    assert SubscriberTag.objects.get().tag.name == "x"
    assert Event.objects.get().effects["tagsAdded"][0]["rule"] == rule.pk.hex


def test_a_stage_that_fails_again_is_still_told_and_kept(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )

    with refusing("subscribers_subscribertag"):
        caller.bulk({"name": "a", "eventId": "1"})
        reply = caller.bulk({"name": "a", "eventId": "1"})

    assert reply.json["events"][0]["sideEffectFailures"] == ["apply-sync-rules"]
    assert FailedStage.objects.get().attempts == 2


def test_the_worker_retries_a_failed_stage_when_it_is_due(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    with refusing("subscribers_subscribertag"):
        caller.bulk({"name": "a"})
    now = datetime.now(tz=UTC)

    too_early = failed_stages.retry_due(now=now)
    due = failed_stages.retry_due(now=now + timedelta(minutes=2))

    assert (too_early, due) == (0, 1)
    assert SubscriberTag.objects.get().tag.name == "x"
    assert not FailedStage.objects.exists()


def test_the_worker_waits_longer_after_each_failure(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    with refusing("subscribers_subscribertag"):
        caller.bulk({"name": "a"})
        now = FailedStage.objects.get().next_attempt_at
        failed_stages.retry_due(now=now)

    failed = FailedStage.objects.get()
    assert failed.attempts == 2
    assert failed.next_attempt_at == now + timedelta(minutes=2)


def test_an_import_names_the_stages_that_failed(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )

    with refusing("subscribers_subscribertag"):
        reply = caller.post(
            IMPORTS,
            {
                "events": [
                    {"name": "b", "eventId": "1", "email": "a@example.com"},
                    {"name": "a", "eventId": "1", "email": "a@example.com"},
                ]
            },
        )

    assert reply.json["success"] is True
    assert reply.json["sideEffectFailed"] == 1
    failure = reply.json["sideEffectFailures"][0]
    assert (failure["index"], failure["stages"]) == (1, ["apply-sync-rules"])
    assert isinstance(failure["error"], str)


def test_an_import_reports_what_the_database_refused(caller: Caller) -> None:
    with refusing("events_event", when="NEW.event_id = '2'"):
        reply = caller.post(
            IMPORTS,
            {
                "events": [
                    {"name": "a", "eventId": "1", "email": "a@example.com"},
                    {"name": "a", "eventId": "2", "email": "b@example.com"},
                    {"name": "a", "eventId": "3", "email": "a@example.com"},
                ]
            },
        )

    assert reply.status == 207
    assert [failure["index"] for failure in reply.json["failures"]] == [1]
    assert not Subscriber.objects.filter(email="b@example.com").exists()
    assert Event.objects.count() == 2
