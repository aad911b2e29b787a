"""`?dryRun=true`: the same answer plus effects, and nothing stored."""

import re

import pytest

from events.models import Event, EventDefinition
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import IdempotentRequest, Subscriber
from tests.support.calling import BULK, IMPORTS, SINGLE, Caller
from tests.support.sequence_making import MAIL, make_sequence


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


def test_an_import_s_dry_run_sees_what_its_earlier_events_would_leave(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    events = [
        {"email": "a@example.com", "name": "a", "eventId": "1"},
        {"email": "b@example.com", "name": "a", "eventId": "1", "colour": 1},
        {"email": "a@example.com", "name": "a", "eventId": "1"},
        {"email": "nobody", "name": "a", "eventId": "1"},
    ]

    dry = caller.post(IMPORTS + "?dryRun=true", {"events": events})
    assert not Subscriber.objects.exists()
    assert not Event.objects.exists()
    assert not EventDefinition.objects.exists()
    real = caller.post(IMPORTS, {"events": events})

    body = dry.json
    effects = body.pop("effects")
    assert body.pop("dryRun") is True
    assert body == real.json
    assert (body["recorded"], body["duplicates"], body["failed"]) == (2, 1, 1)
    assert [each["path"] for each in body["warnings"]] == ["events[1].colour"]
    assert [list(each or {}) for each in effects] == [["tagsAdded"], ["tagsAdded"], [], []]


def test_ids_in_effects_have_their_prefixes_and_the_answer_says_that_it_is_dry(
    caller: Caller,
) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="signup", add=["x"])]
    )
    make_sequence(caller.workspace, MAIL)
    body = {"email": "a@example.com", "event": "signup"}

    for reply in (
        caller.bulk({"name": "signup"}, query="?dryRun=true"),
        caller.post(SINGLE + "?dryRun=true", body),
    ):
        effects = reply.json["effects"]
        effects = effects[0] if isinstance(effects, list) else effects
        (tagged,), (started,) = effects["tagsAdded"], effects["sequencesStarted"]
        assert reply.json["dryRun"] is True
        assert re.fullmatch("tag_[0-9a-f]{32}", tagged["tagId"])
        assert re.fullmatch("rul_[0-9a-f]{32}", tagged["rule"])
        assert re.fullmatch("seq_[0-9a-f]{32}", started["sequenceId"])
        assert re.fullmatch("enr_[0-9a-f]{32}", started["enrollment"])
    assert "dryRun" not in caller.bulk({"name": "signup"}).json


def test_an_import_keeps_the_fields_of_every_event_of_a_person(caller: Caller) -> None:
    person = {"email": "a@example.com", "name": "a"}
    events = [
        {**person, "eventId": "1", "customAttributes": {"plan": "free", "old": 1}},
        {**person, "eventId": "2", "firstName": "Ada", "customAttributes": {"plan": "pro"}},
        {**person, "eventId": "3", "firstName": "Bob", "customAttributes": {"old": None}},
    ]

    caller.post(IMPORTS, {"events": events})

    stored = Subscriber.objects.get()
    assert (stored.first_name, stored.attributes) == ("Ada", {"plan": "pro"})
