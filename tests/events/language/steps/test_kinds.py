"""The fields of a step of each kind."""

from typing import Any

import pytest

from events.language.filters import Filter, Operator
from events.language.steps import (
    AttributeRule,
    ConditionStep,
    DelayStep,
    EmailStep,
    EventPropertyRule,
    EventRule,
    ExitStep,
    ListRule,
    TagRule,
    UpdateListStep,
    UpdateSubscriberStep,
    UpdateTagsStep,
    WaitForEventStep,
    WebhookStep,
    parse_steps,
)
from events.language.timing import Duration
from tests.support.drawn import LIST_ID, MINUTE
from tests.support.parsed_steps import MAIL, faults_of, only


def test_an_email_is_read_with_all_its_fields() -> None:
    raw = {
        "type": "email",
        "id": "welcome",
        "label": " Welcome ",
        "subject": " Hello {{subscriber.firstName}} ",
        "previewText": "In short",
        "html": "<p>\n</p>",
        "text": "Line\nline",
        "isTransactional": True,
        "unknown": 1,
    }

    assert parse_steps([raw]) == (
        EmailStep(
            id="welcome",
            label="Welcome",
            subject="Hello {{subscriber.firstName}}",
            preview_text="In short",
            html="<p>\n</p>",
            text="Line\nline",
            is_transactional=True,
        ),
    )


@pytest.mark.parametrize(
    "raw",
    [
        {"subject": "Hello", "body": "<p>Hi</p>"},
        {"type": None, "subject": "Hello", "html": "<p>Hi</p>"},
        {"nodeType": "action_email", "subject": "Hello", "html": "<p>Hi</p>", "text": " \n"},
        {"type": "action_email", "subject": "Hello", "html": "<p>Hi</p>", "blocks": None},
    ],
)
def test_the_other_spellings_of_an_email(raw: dict[str, Any]) -> None:
    assert only(raw) == EmailStep(id="one", subject="Hello", html="<p>Hi</p>")


@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"subject": None}, "subject", "is missing"),
        ({"subject": "  "}, "subject", "must not be blank"),
        ({"subject": "x" * 999}, "subject", "at most 998"),
        ({"subject": "Hi\r\nBcc: a@b.io"}, "subject", "control characters"),
        ({"subject": "Hi\u2028there"}, "subject", "control characters"),
        ({"html": " \n "}, "html", "give html, text or both"),
        ({"html": 5}, "html", "must be a string, not a number."),
        ({"html": "x" * (512 * 1024 + 1)}, "html", "at most 524288 are allowed."),
        ({"text": "ä" * (256 * 1024 + 1)}, "text", "at most 524288 are allowed."),
        ({"html": "a\x00b"}, "html", "NUL"),
        ({"text": "\ud800"}, "text", "surrogate"),
        ({"isTransactional": "yes"}, "isTransactional", "true or false"),
        ({"blocks": []}, "blocks", "not supported"),
        ({"html": None, "blocks": [{"type": "text"}]}, "blocks", "html or text"),
        ({"id": "a b"}, "id", "letters, digits, hyphens"),
        ({"id": "x" * 65}, "id", "1 to 64"),
        ({"id": 5}, "id", "letters"),
        ({"id": "exit"}, "id", "must not be exit"),
        ({"label": "x" * 201}, "label", "at most 200"),
    ],
)
def test_a_fault_of_an_email_names_field_and_limit(
    changes: dict[str, Any], field: str, part: str
) -> None:
    faults = faults_of({**MAIL, **changes})

    assert list(faults) == [f"steps[0].{field}"]
    assert part in faults[f"steps[0].{field}"]


def test_half_a_mebibyte_of_html_is_allowed() -> None:
    assert len(only({**MAIL, "html": "x" * 512 * 1024}).html) == 512 * 1024


def test_a_delay_step_holds_its_delay() -> None:
    assert only({"type": "delay", "days": 1}) == DelayStep(id="one", delay=Duration(days=1))
    assert only({"type": "delay", "days": 0}) == DelayStep(id="one", delay=Duration(0))
    assert faults_of({"type": "delay"}).keys() == {"steps[0]"}


@pytest.mark.parametrize(
    ("timeout", "length"),
    [
        (None, Duration(days=7)),
        (1, Duration(days=1)),
        (365, Duration(days=365)),
        ({"minutes": 1}, Duration(MINUTE)),
        ({"days": 1, "hours": 1}, Duration(3_600_000, days=1)),
    ],
)
def test_a_wait_has_a_timeout(timeout: Any, length: Duration) -> None:
    step = only({"type": "wait_for_event", "eventName": " paid ", "timeout": timeout})

    assert step == WaitForEventStep(
        id="one", event_name="paid", timeout=length, on_timeout="continue"
    )


@pytest.mark.parametrize(
    ("timeout", "path"),
    [
        (0, ""),
        (366, ""),
        ("7", ""),
        (86_400_000, ""),
        ({}, ""),
        ({"minutes": 0}, ""),
        ({"delayMs": 59_999}, ""),
        ({"days": 366}, ".days"),
    ],
)
def test_a_timeout_out_of_range_is_refused(timeout: Any, path: str) -> None:
    raw = {"type": "wait_for_event", "eventName": "paid", "timeout": timeout}

    assert list(faults_of(raw)) == [f"steps[0].timeout{path}"]


def test_a_condition_is_read_with_rules_of_every_type() -> None:
    rules = [
        {"type": "tag", "tag": "VIP_User"},
        {"type": "no_tag", "tag": "lead"},
        {"type": "list", "list": LIST_ID},
        {"type": "no_list", "list": "News"},
        {"type": "attribute", "path": "plan", "operator": "equals", "value": "pro"},
        {"type": "event_property", "path": "total", "operator": "greater_than", "value": 5},
        {"type": "did_event", "eventName": "paid", "since": "ever",
         "propertyFilters": [{"path": "a", "operator": "exists"}]},
        {"type": "did_not_event", "eventName": "left"},
    ]  # fmt: skip

    step = only({"type": "condition", "rules": rules, "match": "any"})

    assert step == ConditionStep(
        id="one",
        match="any",
        on_false="exit",
        rules=(
            TagRule(tag="vip-user"),
            TagRule(tag="lead", is_present=False),
            ListRule(list=LIST_ID),
            ListRule(list="News", is_joined=False),
            AttributeRule(filter=Filter("plan", Operator.EQUALS, "pro")),
            EventPropertyRule(filter=Filter("total", Operator.GREATER_THAN, 5)),
            EventRule(event_name="paid", since="ever", filters=(Filter("a", Operator.EXISTS),)),
            EventRule(event_name="left", has_happened=False),
        ),
    )


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ({}, "rules"),
        ({"rules": []}, "rules"),
        ({"rules": [{"type": "tag", "tag": "a"}] * 21}, "rules"),
        ({"rules": ["vip"]}, "rules[0]"),
        ({"rules": [{"type": "tag"}]}, "rules[0].tag"),
        ({"rules": [{"tag": "a"}]}, "rules[0].type"),
        ({"rules": [{"type": "list", "list": ""}]}, "rules[0].list"),
        ({"rules": [{"type": "attribute", "operator": "exists"}]}, "rules[0].path"),
        ({"rules": [{"type": "did_event"}]}, "rules[0].eventName"),
        ({"rules": [{"type": "did_event", "eventName": "a", "since": 1}]}, "rules[0].since"),
        ({"rules": [{"type": "tag", "tag": "a"}], "match": "none"}, "match"),
        ({"rules": [{"type": "tag", "tag": "a"}], "onFalse": 5}, "onFalse"),
    ],
)
def test_a_bad_condition_is_refused(condition: dict[str, Any], path: str) -> None:
    faults = faults_of({"type": "condition", **condition})

    assert list(faults) == [f"steps[0].{path}"]


def test_tags_are_changed_by_their_normal_names() -> None:
    step = only({"type": "update_tags", "add": ["VIP_User", "vip user"], "remove": ["Lead"]})

    assert step == UpdateTagsStep(id="one", add=("vip-user",), remove=("lead",))


def test_lists_are_changed_by_id_or_name() -> None:
    step = only({"type": "update_list", "join": [LIST_ID], "leave": [" Weekly News "]})

    assert step == UpdateListStep(id="one", join=(LIST_ID,), leave=("Weekly News",))


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({"type": "update_tags"}, ""),
        ({"type": "update_tags", "add": []}, ""),
        ({"type": "update_tags", "add": "vip"}, ".add"),
        ({"type": "update_tags", "add": ["ok", "!!"]}, ".add[1]"),
        ({"type": "update_tags", "add": ["a"], "remove": ["b", "A"]}, ".remove"),
        ({"type": "update_tags", "add": [f"t{n}" for n in range(51)]}, ".add"),
        ({"type": "update_list", "join": [5]}, ".join[0]"),
        ({"type": "update_list", "join": ["a"], "leave": ["a"]}, ".leave"),
        ({"type": "update_subscriber"}, ""),
        ({"type": "update_subscriber", "status": "bounced"}, ".status"),
        ({"type": "update_subscriber", "firstName": 5}, ".firstName"),
        ({"type": "update_subscriber", "attributes": []}, ".attributes"),
        ({"type": "update_subscriber", "attributes": {"a": "x" * 65_536}}, ".attributes"),
        ({"type": "update_subscriber", "config": "x"}, ".config"),
        ({"type": "update_subscriber", "config": {"status": "x"}}, ".config.status"),
        ({"type": "webhook"}, ".url"),
        ({"type": "webhook", "url": "ftp://example.com"}, ".url"),
        ({"type": "webhook", "url": "https://a@example.com"}, ".url"),
        ({"type": "webhook", "url": "https://2130706433/"}, ".url"),
        ({"type": "webhook", "url": "https://example.com", "onError": "retry"}, ".onError"),
    ],
)
def test_a_bad_change_or_call_is_refused(raw: dict[str, Any], path: str) -> None:
    assert list(faults_of(raw)) == [f"steps[0]{path}"]


def test_a_person_is_changed_by_fields_at_the_top() -> None:
    step = only(
        {"type": "update_subscriber", "firstName": " Ann ", "lastName": "", "status": "active",
         "attributes": {"plan": "pro", "old": None}}
    )  # fmt: skip

    assert step == UpdateSubscriberStep(
        id="one",
        first_name="Ann",
        last_name="",
        status="active",
        attributes={"plan": "pro", "old": None},
    )


def test_a_person_is_changed_as_other_callers_send_it() -> None:
    updates = [
        {"name": "seats", "value": "10", "valueType": "number"},
        {"name": "share", "value": "0.5", "valueType": "number"},
        {"name": "is_paying", "value": "true", "valueType": "boolean"},
        {"name": "plan", "value": "pro", "valueType": "string"},
        {"name": "raw", "value": [1]},
        {"name": "gone", "value": None, "valueType": "number"},
    ]

    step = only(
        {"nodeType": "action_update_attributes",
         "config": {"firstName": "Ann", "customAttributeUpdates": updates}}
    )  # fmt: skip

    assert step == UpdateSubscriberStep(
        id="one",
        first_name="Ann",
        attributes={
            "seats": 10, "share": 0.5, "is_paying": True, "plan": "pro", "raw": [1], "gone": None
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("update", "field"),
    [
        ("plan", ""),
        ({"value": 1}, ".name"),
        ({"name": " ", "value": 1}, ".name"),
        ({"name": "a", "value": "many", "valueType": "number"}, ".value"),
        ({"name": "a", "value": "1_000", "valueType": "number"}, ".value"),
        ({"name": "a", "value": True, "valueType": "number"}, ".value"),
        ({"name": "a", "value": [], "valueType": "boolean"}, ".value"),
        ({"name": "a", "value": 5, "valueType": "string"}, ".value"),
        ({"name": "a", "value": 5, "valueType": "money"}, ".valueType"),
    ],
)
def test_a_bad_update_of_an_attribute_is_refused(update: Any, field: str) -> None:
    raw = {"type": "update_subscriber", "config": {"customAttributeUpdates": [update]}}

    assert list(faults_of(raw)) == [f"steps[0].config.customAttributeUpdates[0]{field}"]


def test_updates_are_bounded_in_number_and_size() -> None:
    many = [{"name": f"a{n}", "value": 1} for n in range(101)]
    large = [{"name": f"a{n}", "value": "x" * 40_000} for n in range(2)]

    refused: list[Any] = [many, large, {}]
    for updates in refused:
        raw = {"type": "update_subscriber", "customAttributeUpdates": updates}
        assert list(faults_of(raw)) == ["steps[0].customAttributeUpdates"]


def test_a_webhook_and_an_exit() -> None:
    assert only({"type": "webhook", "url": " https://example.com/a ", "onError": "exit"}) == (
        WebhookStep(id="one", url="https://example.com/a", on_error="exit")
    )
    assert only({"type": "exit"}) == ExitStep(id="one")
