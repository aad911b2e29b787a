"""What a sequence's steps may be, and that they come back unchanged from storage and files."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.language.steps import (
    ConditionStep,
    DelayStep,
    EmailStep,
    Step,
    WebhookStep,
    from_stored,
    parse_steps,
)
from events.language.timing import Duration, UntilDate
from subscribers.wire.payloads import InvalidRequest
from tests.support.drawn import sequences
from tests.support.parsed_steps import MAIL, faults_of, ids


def test_steps_may_be_absent_or_a_hundred_but_no_more() -> None:
    assert parse_steps(None) == ()
    assert parse_steps([]) == ()
    assert len(parse_steps([MAIL] * 100)) == 100
    assert faults_of(*[MAIL] * 101) == {"steps": "has 101 elements; at most 100 are allowed."}


def test_own_delays_count_as_steps() -> None:
    assert len(parse_steps([{**MAIL, "delayMs": 1}] * 50)) == 100
    assert list(faults_of(*[{**MAIL, "delayMs": 1}] * 51)) == ["steps"]


@pytest.mark.parametrize("raw", ["text", {"type": "email"}, 5])
def test_steps_that_are_no_array_are_refused(raw: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^sequence\.steps must be an array"):
        parse_steps(raw, path="sequence.steps")


@pytest.mark.parametrize(
    "kind", ["sms", "push", "create_discount", "discount", "action_sms", "action_push"]
)
def test_what_is_no_email_is_refused_by_name(kind: str) -> None:
    message = f"is {kind!r}, which is not supported: sequences send email only."

    assert faults_of({"type": kind}) == {"steps[0].type": message}
    assert faults_of({"nodeType": kind}) == {"steps[0].nodeType": message}


@pytest.mark.parametrize("raw", [{}, {"html": "x"}, {"type": "mail"}, {"type": 5}, {"type": []}])
def test_a_step_of_no_known_type_is_refused(raw: Any) -> None:
    assert list(faults_of(raw)) == ["steps[0].type"]


def test_the_faults_of_all_steps_are_told_at_once() -> None:
    faults = faults_of(
        "text",
        {"type": "delay", "days": 400},
        MAIL,
        {"type": "email", "delay": {"days": -1}},
        {"type": "condition", "rules": [{"type": "tag", "tag": "!"}, {"type": "owns"}]},
        {"type": "condition", "rules": [{"type": "tag", "tag": "vip"}], "onFalse": "nowhere"},
        {"type": "wait_for_event", "propertyFilters": [{"path": "a"}]},
    )

    assert sorted(faults) == [
        "steps[0]",
        "steps[1].days",
        "steps[3].delay.days",
        "steps[3].html",
        "steps[3].subject",
        "steps[4].rules[0].tag",
        "steps[4].rules[1].type",
        "steps[5].onFalse",
        "steps[6].eventName",
        "steps[6].propertyFilters[0].operator",
    ]


def test_ids_that_are_absent_are_made_of_type_and_place() -> None:
    steps = parse_steps(
        [MAIL, {"type": "exit", "id": "email-3"}, MAIL, {"type": "delay", "days": 1}]
    )

    assert ids(steps) == ["email-1", "email-3", "email-3-2", "delay-4"]


def test_an_id_that_two_steps_have_is_refused() -> None:
    faults = faults_of({**MAIL, "id": "a"}, {**MAIL, "id": "b"}, {**MAIL, "id": "a"})

    assert faults == {"steps[2].id": "is the id of steps[0] too: a."}


@pytest.mark.parametrize(
    ("own", "delay"),
    [
        ({"delay": {"hours": 2}}, Duration(2 * 3_600_000)),
        ({"delayMs": 5}, Duration(5)),
        ({"waitUntil": {"field": "at"}}, UntilDate("at")),
    ],
)
def test_an_emails_own_delay_becomes_a_step_before_it(own: dict[str, Any], delay: Any) -> None:
    steps = parse_steps([{**MAIL, "id": "hello", **own}])

    assert steps == (
        DelayStep(id="hello-delay", delay=delay),
        EmailStep(id="hello", subject="Hello", html="<p>Hello</p>"),
    )


@pytest.mark.parametrize("own", [{"delayMs": 0}, {"delay": {"days": 0}}, {"delay": None}])
def test_an_own_delay_of_no_time_makes_no_step(own: dict[str, Any]) -> None:
    assert ids(parse_steps([{**MAIL, "id": "hello", **own}])) == ["hello"]


def test_the_id_of_an_own_delay_is_free_and_short_enough() -> None:
    long = "x" * 64
    steps = parse_steps(
        [
            {**MAIL, "id": "a", "delayMs": 1},
            {**MAIL, "id": "a-delay"},
            {**MAIL, "id": long, "delayMs": 1},
        ]
    )

    assert ids(steps) == ["a-delay-2", "a", "a-delay", "x" * 58 + "-delay", long]


def test_another_steps_own_delay_is_not_lost() -> None:
    steps = parse_steps([{"type": "update_tags", "id": "tag", "add": ["a"], "delayMs": 1}])

    assert ids(steps) == ["tag-delay", "tag"]


@pytest.mark.parametrize("target", ["first", "self", "gone"])
def test_a_condition_jumps_to_later_steps_only(target: str) -> None:
    faults = faults_of(
        {**MAIL, "id": "first"},
        {"type": "condition", "id": "self", "rules": [{"type": "tag", "tag": "a"}],
         "onFalse": target},
        {**MAIL, "id": "later"},
    )  # fmt: skip

    message = f"must be exit or the id of a later step, not {target!r}."
    assert faults == {"steps[1].onFalse": message}


def test_a_jump_to_a_step_with_its_own_delay_waits_too() -> None:
    condition = {"type": "condition", "rules": [{"type": "tag", "tag": "a"}], "onFalse": "later"}

    steps = parse_steps([condition, {**MAIL, "id": "now"}, {**MAIL, "id": "later", "delayMs": 5}])

    assert isinstance(steps[0], ConditionStep)
    assert steps[0].on_false == "later-delay"


def test_a_jump_to_a_step_that_is_wrong_itself_is_no_second_fault() -> None:
    condition = {"type": "condition", "rules": [{"type": "tag", "tag": "a"}], "onFalse": "later"}

    assert list(faults_of(condition, {"type": "email", "id": "later", "html": "x"})) == [
        "steps[1].subject"
    ]


def test_a_file_leaves_out_what_is_default() -> None:
    condition = {"type": "condition", "rules": [{"type": "no_tag", "tag": "a"}]}
    steps = parse_steps([{**MAIL, "delay": {"hours": 36}}, condition])

    assert [step.as_wire() for step in steps] == [
        {"type": "delay", "id": "email-1-delay", "hours": 36},
        {"type": "email", "id": "email-1", "subject": "Hello", "html": "<p>Hello</p>"},
        {"type": "condition", "id": "condition-2", "rules": [{"type": "no_tag", "tag": "a"}]},
    ]


@given(steps=sequences())
def test_steps_come_back_from_storage(steps: tuple[Step, ...]) -> None:
    stored = [json.loads(json.dumps(step.as_wire())) for step in steps]

    assert tuple(map(from_stored, stored)) == steps


def test_a_stored_step_is_read_though_callers_may_not_send_it_any_more() -> None:
    stored = {"type": "webhook", "id": "tell", "url": "ftp://127.0.0.1/in"}

    assert from_stored(stored) == WebhookStep(id="tell", url="ftp://127.0.0.1/in")
    assert list(faults_of(stored)) == ["steps[0].url"]


@pytest.mark.parametrize("stored", [{"type": "later", "id": "a"}, {"type": "email", "id": "a"}])
def test_what_is_no_step_is_not_read_from_storage(stored: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        from_stored(stored)


@given(steps=sequences())
def test_steps_come_back_from_the_wire(steps: tuple[Step, ...]) -> None:
    assert parse_steps(json.loads(json.dumps([step.as_wire() for step in steps]))) == steps


@given(
    raw=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "type", "label", "rules", "delay", "days", "config", "add", "timeout", "tag",
                 "subject", "html", "attributes", "customAttributeUpdates", "path", "operator",
                 "value", "valueType", "onFalse", "waitUntil", "field", "offset", "url", "name"]
            ),
            inner,
        ),
        max_leaves=10,
    ),
    kind=st.sampled_from(
        ["email", "delay", "wait_for_event", "condition", "update_tags", "update_list",
         "update_subscriber", "webhook", "exit"]
    ),
)  # fmt: skip
def test_whatever_is_sent_is_parsed_or_refused(raw: Any, kind: str) -> None:
    fields = raw if isinstance(raw, dict) else {"rules": raw, "add": raw, "delay": raw}
    steps: tuple[Step, ...] = ()
    paths = {"steps"}
    try:
        steps = parse_steps([{**fields, "type": kind}, raw])
    except InvalidRequest as error:
        paths = {fault.path for fault in error.faults}

    assert paths
    assert all(path.startswith("steps") for path in paths)
    assert tuple(from_stored(step.as_wire()) for step in steps) == steps
