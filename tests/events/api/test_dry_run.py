"""`?dryRun=true`: the same answer plus effects, and nothing stored."""

import pytest

from events.models import Event, EventDefinition
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import IdempotentRequest, Subscriber
from tests.support.calling import BULK, IMPORTS, SINGLE, Caller


def test_a_dry_run_answers_like_the_real_one_and_writes_nothing(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )

    reply = caller.bulk({"name": "a"}, {"name": ""}, query="?dryRun=true")

    assert reply.status == 207
    assert reply.json["subscriber"]["created"] is True
    assert reply.json["events"][0]["definitionCreated"] is True
    assert reply.json["effects"][0]["tagsAdded"][0]["tag"] == "x"
    assert reply.json["effects"][1] is None
    assert not Subscriber.objects.exists()
    assert not Event.objects.exists()
    assert not EventDefinition.objects.exists()


def test_a_single_dry_run_has_the_effects_of_its_event(caller: Caller) -> None:
    body = {"email": "a@example.com", "event": "a"}

    reply = caller.post(SINGLE + "?dryRun=1", body)

    assert reply.status == 200
    assert reply.json["effects"] == {}
    assert not Event.objects.exists()


@pytest.mark.parametrize("value", ["", "false", "0"])
def test_anything_that_means_no_is_a_real_run(caller: Caller, value: str) -> None:
    reply = caller.bulk({"name": "a"}, query=f"?dryRun={value}")

    assert "effects" not in reply.json
    assert Event.objects.count() == 1


def test_an_unreadable_flag_is_refused_by_name(caller: Caller) -> None:
    reply = caller.bulk({"name": "a"}, query="?dryRun=maybe")

    assert reply.status == 400
    assert "dryRun" in reply.message


def test_a_dry_run_finds_the_same_faults(caller: Caller) -> None:
    assert caller.bulk({"name": ""}, query="?dryRun=true").status == 400
    assert caller.bulk({"name": "a"}, query="?dryRun=true", externalId="x").status == 404


def test_a_dry_run_goes_without_an_idempotency_key(caller: Caller) -> None:
    body = {"email": "a@example.com", "events": [{"name": "a"}]}

    reply = caller.post(BULK + "?dryRun=true", body, headers={"Idempotency-Key": "k"})

    assert reply.status == 400
    assert "Idempotency-Key" in reply.message
    assert not IdempotentRequest.objects.exists()


def test_imports_offer_no_dry_run(caller: Caller) -> None:
    assert caller.post(IMPORTS + "?dryRun=true", {"events": []}).status == 400
