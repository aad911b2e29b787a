"""Fields of a sequence that nothing reads: each is refused at its path, with the nearest word."""

from typing import Any

import pytest

from events.language import steps
from events.language.specs import as_wire, parse_sequence
from subscribers.wire.payloads import InvalidRequest
from tests.support.parsed_steps import MAIL

DELAY = {"type": "delay", "days": 1}
WAIT = {"type": "wait_for_event", "eventName": "paid"}
FILTER = {"path": "plan", "operator": "exists"}


def faults_of(**wire: Any) -> dict[str, str]:
    raw = {"name": "A", "trigger": "event_received", "eventName": "signup", **wire}
    with pytest.raises(InvalidRequest) as caught:
        parse_sequence(raw)
    return {fault.path: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stop_condition", "stopCondition"),
        ("stopConditions", "stopCondition"),
        ("enrolmentMode", "enrollmentMode"),
        ("sendingWindows", "sendingWindow"),
        ("replyto", "replyTo"),
        ("filters", "propertyFilters"),
    ],
)
def test_an_unknown_field_of_a_sequence_names_the_nearest(word: str, meant: str) -> None:
    assert faults_of(**{word: "x"}) == {word: f"is unknown; did you mean {meant}?"}


@pytest.mark.parametrize(
    ("step", "path", "message"),
    [
        ({**WAIT, "on_timeout": "exit"}, "on_timeout", "is unknown; did you mean onTimeout?"),
        ({**WAIT, "filters": []}, "filters", "is unknown; did you mean propertyFilters?"),
        ({**WAIT, "timeout": {"hour": 1, "days": 1}}, "timeout.hour", "mean hours?"),
        ({**MAIL, "transactional": True}, "transactional", "did you mean isTransactional?"),
        ({**MAIL, "cc": "b@example.com"}, "cc", "is unknown."),
        ({**MAIL, "attachments": []}, "attachments", "is unknown."),
        ({**MAIL, "body": "<p>x</p>"}, "body", "is not used here."),
        ({**MAIL, "delay": {"days": 1, "hour": 2}}, "delay.hour", "did you mean hours?"),
        ({**DELAY, "hour": 3}, "hour", "is unknown; did you mean hours?"),
        ({**DELAY, "subject": "x"}, "subject", "is no field of a delay step."),
        ({**DELAY, "pastAction": "skip"}, "pastAction", "is no field of a delay step."),
        ({**MAIL, "rules": []}, "rules", "is no field of an email step."),
        (
            {"type": "delay", "waitUntil": {"field": "at", "pastaction": "skip"}},
            "waitUntil.pastaction",
            "did you mean pastAction?",
        ),
        (
            {"type": "condition", "rules": [{"type": "tag", "tag": "x", "path": "y"}]},
            "rules[0].path",
            "is unknown.",
        ),
        (
            {"type": "condition", "rules": [{"type": "attribute", **FILTER, "values": 1}]},
            "rules[0].values",
            "did you mean value?",
        ),
        (
            {**WAIT, "propertyFilters": [{**FILTER, "Value": 1}]},
            "propertyFilters[0].Value",
            "did you mean value?",
        ),
        (
            {"type": "update_subscriber", "config": {"firstName": "A", "lastname": "B"}},
            "config.lastname",
            "did you mean lastName?",
        ),
        ({"type": "update_tags", "add": ["x"], "removes": []}, "removes", "did you mean remove?"),
    ],
)
def test_an_unknown_field_of_a_step_is_refused_at_its_path(
    step: dict[str, Any], path: str, message: str
) -> None:
    faults = faults_of(steps=[step])

    assert list(faults) == [f"steps[0].{path}"]
    assert faults[f"steps[0].{path}"].endswith(message)


def test_fields_of_inner_objects_are_refused() -> None:
    stop = {
        "type": "event_received", "value": "paid", "filters": [],
        "matchConfig": {"mode": "any", "fieldPath": "id"},
    }  # fmt: skip

    assert faults_of(stopCondition=stop, sendingWindow={"start": "09:00"}) == {
        "stopCondition.filters": "is unknown; did you mean propertyFilters?",
        "stopCondition.matchConfig.fieldPath": "needs the mode matching_field.",
        "sendingWindow.start": "is unknown.",
    }


def test_a_field_of_another_trigger_or_mode_says_so() -> None:
    assert faults_of(tagNames=["x"], enrollmentFieldPath="id") == {
        "tagNames": "is no field of the trigger event_received.",
        "enrollmentFieldPath": "needs the enrollmentMode matching_field.",
    }


def test_a_wrong_kind_is_the_only_fault_of_its_object() -> None:
    assert set(faults_of(steps=[{"type": "mail", "subject": "x"}])) == {"steps[0].type"}
    assert set(faults_of(trigger="event", tagNames=["x"])) == {"trigger"}


def test_what_is_null_is_not_given_and_what_is_data_is_not_judged() -> None:
    data = {"plan": {"stop_condition": 1}}
    step = {"type": "update_subscriber", "attributes": data}

    spec = parse_sequence({"name": "A", "stop_condition": None, "steps": [step]})

    assert as_wire(spec)["steps"][0]["attributes"] == data
    assert type(as_wire(spec)["steps"][0]["attributes"]["plan"]) is dict


def test_a_stored_step_may_have_words_of_another_release() -> None:
    wait = {**WAIT, "propertyFilters": [{**FILTER, "later": 1}], "timeout": {"days": 1, "x": 1}}

    assert steps.from_stored({**wait, "id": "one", "later": True}).kind == "wait_for_event"
