"""Sequences as callers send them: what is taken, what is refused, and the way back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.language.entry import StopCondition, Trigger
from events.language.filters import Filter, Operator
from events.language.specs import as_wire, key_from, parse_sequence
from events.language.steps import DelayStep, EmailStep
from events.language.timing import Duration, SendingWindow
from subscribers.wire.payloads import InvalidField, InvalidRequest
from tests.support.parsed_steps import MAIL

FILTER = {"path": "plan.name", "operator": "equals", "value": "pro"}


def faults_of(raw: Any, path: str = "") -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse_sequence(raw, path=path)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_the_sequence_of_the_issue_is_understood() -> None:
    raw = {
        "name": "Welcome",
        "trigger": "event_received",
        "eventName": "signup",
        "enrollmentMode": "one_time",
        "stopCondition": {"type": "event_received", "value": "cancelled"},
        "steps": [MAIL, {"type": "delay", "days": 2}],
    }

    spec = parse_sequence(raw)

    assert spec.key == "welcome"
    assert spec.trigger == Trigger(type="event_received", event_name="signup")
    assert spec.enrollment_mode == "one_time"
    assert spec.stop_condition == StopCondition(type="event_received", value="cancelled")
    mail, delay = spec.steps
    assert isinstance(mail, EmailStep)
    assert isinstance(delay, DelayStep)
    assert delay.delay == Duration(days=2)


@pytest.mark.parametrize(
    ("raw", "trigger"),
    [
        ({}, Trigger(type="list_joined")),
        ({"listScope": "any_contact"}, Trigger(type="list_joined", scope="any_contact")),
        (
            {"listId": "lst_1", "listIds": ["lst_2", "lst_1"], "listScope": "any_contact"},
            Trigger(type="list_joined", lists=("lst_1", "lst_2")),
        ),
        ({"lists": ["News"]}, Trigger(type="list_joined", lists=("News",))),
        ({"trigger": "contact_added"}, Trigger(type="list_joined")),
        ({"trigger": "list_joined"}, Trigger(type="list_joined")),
        ({"trigger": "manual", "eventName": None}, Trigger(type="manual")),
        (
            {"trigger": "tag_added", "tagName": "VIP_User", "tagNames": ["b", "vip user"]},
            Trigger(type="tag_added", tag_names=("vip-user", "b")),
        ),
        (
            {"trigger": "event_received", "eventName": " paid ", "propertyFilters": [FILTER]},
            Trigger(
                type="event_received",
                event_name="paid",
                filters=(Filter("plan.name", Operator.EQUALS, "pro"),),
            ),
        ),
    ],
)
def test_triggers_come_in_all_their_spellings(raw: dict[str, Any], trigger: Trigger) -> None:
    assert parse_sequence({"name": "A", **raw}).trigger == trigger


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ({"name": " "}, "name", "must not be blank"),
        ({"name": "x" * 201}, "name", "has 201 characters; at most 200"),
        ({"name": "!!!"}, "name", "give a key"),
        ({"key": "a b"}, "key", "letters, digits"),
        ({"key": "-a"}, "key", "letters, digits"),
        ({"key": 5}, "key", "must be a string, not a number."),
        ({"description": "x" * 2001}, "description", "at most 2000"),
        ({"labels": ["a", 1]}, "labels[1]", "must be a string"),
        ({"trigger": "sms"}, "trigger", "event_received, tag_added, contact_added or manual"),
        ({"trigger": "event_received"}, "eventName", "is missing."),
        ({"trigger": "tag_added", "tagNames": []}, "tagNames", "is missing: 1 to 50 tags."),
        ({"trigger": "tag_added", "tagName": "!"}, "tagName", "letter or digit"),
        ({"lists": ["x"] * 51}, "lists", "at most 50"),
        (
            {"enrollmentMode": "twice"},
            "enrollmentMode",
            "unlimited, one_time, matching_field or restart",
        ),
        ({"enrollmentMode": "matching_field"}, "enrollmentFieldPath", "is missing."),
        ({"stopCondition": {"value": "x"}}, "stopCondition.type", "is missing"),
        ({"stopCondition": {"type": "tag_added"}}, "stopCondition.value", "is missing."),
        ({"stopCondition": "x"}, "stopCondition", "must be an object"),
        ({"sendingWindow": {"days": []}}, "sendingWindow.days", "at least one day"),
        ({"runsWhilePending": 1}, "runsWhilePending", "must be true or false"),
        ({"activeSubscribersOnly": "yes"}, "activeSubscribersOnly", "must be true or false"),
        ({"fromEmail": "nobody"}, "fromEmail", "is not a valid address"),
        ({"replyTo": 1}, "replyTo", "must be a string"),
        ({"steps": [{"type": "fax"}]}, "steps[0].type", "must be"),
        ({"steps": {}}, "steps", "must be an array"),
    ],
)
def test_a_fault_names_its_field_and_the_limit(raw: dict[str, Any], path: str, words: str) -> None:
    faults = faults_of({"name": "A", **raw})

    assert list(faults) == [path]
    assert words in faults[path]


def test_all_faults_are_told_at_once_after_the_place_in_a_file() -> None:
    faults = faults_of(
        {"key": "?", "trigger": "event_received", "steps": [{**MAIL, "subject": None}]}, "[2]"
    )

    assert set(faults) == {"[2].name", "[2].key", "[2].eventName", "[2].steps[0].subject"}


@pytest.mark.parametrize("raw", [None, [], "text", 5])
def test_what_is_no_object_is_no_sequence(raw: object) -> None:
    assert "must be an object" in faults_of(raw, "[0]")["[0]"]


def test_a_template_that_cannot_be_rendered_is_refused_where_it_was_sent() -> None:
    broken = {**MAIL, "delayMs": 1000, "body": "{% if %}", "html": None, "text": "{{ x | nope }}"}

    faults = faults_of({"name": "A", "steps": [{**MAIL, "delayMs": 1000}, broken]})

    assert set(faults) == {"steps[1].body", "steps[1].text"}


def test_an_enrollment_is_told_by_its_field_only_where_runs_begin_by_a_field() -> None:
    stop = {
        "type": "event_received",
        "value": "order.cancelled",
        "matchConfig": {"mode": "matching_field", "fieldPath": "order.id"},
    }
    keyed = {"enrollmentMode": "matching_field", "enrollmentFieldPath": "order.id"}

    spec = parse_sequence({"name": "A", "stopCondition": stop, **keyed})
    faults = faults_of({"name": "A", "stopCondition": stop})

    assert spec.stop_condition is not None
    assert spec.stop_condition.field_path == "order.id"
    assert list(faults) == ["stopCondition.matchConfig"]


def test_a_window_that_is_not_enabled_is_none() -> None:
    window = {"enabled": False, "days": ["nonsense"]}

    assert parse_sequence({"name": "A", "sendingWindow": window}).sending_window is None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Welcome", "welcome"),
        ("  Ärzte & Co_2! ", "ärzte-co-2"),
        ("ﬁrst", "first"),
        ("日本", "日本"),
        ("x" * 99 + " y", "x" * 99),
    ],
)
def test_a_key_is_made_of_the_name(name: str, key: str) -> None:
    assert key_from(name) == key
    assert parse_sequence({"name": name}).key == key


def test_a_name_without_letters_makes_no_key() -> None:
    with pytest.raises(InvalidField, match="give a key"):
        key_from("? !")


names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1)
texts = names.filter(lambda text: bool(text.strip()))
filters = st.lists(
    st.builds(
        lambda path, value: {"path": path, "operator": "equals", "value": value},
        st.sampled_from(["a", "a.b", "items[].id"]),
        st.one_of(texts, st.booleans(), st.integers(-1000, 1000)),
    ),
    max_size=2,
)
triggers = st.one_of(
    st.builds(
        lambda name, wanted: {
            "trigger": "event_received",
            "eventName": name,
            "propertyFilters": wanted,
        },
        texts,
        filters,
    ),
    st.just({"trigger": "tag_added", "tagNames": ["a", "b"]}),
    st.just({"trigger": "contact_added", "listScope": "any_contact"}),
    st.lists(texts, max_size=3).map(lambda lists: {"trigger": "contact_added", "lists": lists}),
    st.just({"trigger": "manual"}),
)
sequences = st.builds(
    lambda trigger, parts: {"name": "A", "key": "a", **trigger, **parts},
    triggers,
    st.fixed_dictionaries(
        {},
        optional={
            "description": st.text(st.characters(codec="utf-8", exclude_characters="\0")),
            "labels": st.lists(texts, max_size=3),
            "enrollmentMode": st.sampled_from(["unlimited", "one_time"]),
            "stopCondition": st.builds(
                lambda value, wanted: {
                    "type": "event_received",
                    "value": value,
                    "propertyFilters": wanted,
                },
                texts,
                filters,
            ),
            "sendingWindow": st.sampled_from(
                [
                    {"enabled": True},
                    {"days": ["monday"], "startTime": "09:00", "timezone": "Europe/Berlin"},
                ]
            ),
            "activeSubscribersOnly": st.booleans(),
            "runsWhilePending": st.just(value=False),
            "fromEmail": st.just("Ann@Example.com"),
            "fromName": texts,
            "replyTo": st.just("ann@example.com"),
            "steps": st.just([MAIL, {"type": "delay", "hours": 1}, {"type": "exit"}]),
        },
    ),
)


@given(sequences)
def test_what_is_written_is_read_as_the_same(raw: dict[str, Any]) -> None:
    spec = parse_sequence(raw)

    assert parse_sequence(as_wire(spec)) == spec


def test_what_is_default_is_left_out() -> None:
    assert as_wire(parse_sequence({"name": "A", "trigger": "manual"})) == {
        "name": "A",
        "key": "a",
        "trigger": "manual",
    }


def test_a_window_of_all_hours_is_a_window() -> None:
    spec = parse_sequence({"name": "A", "sendingWindow": {"enabled": True}})

    assert spec.sending_window == SendingWindow()
