"""Filters, rules and branches are rows of selects, without script, beside the text of experts."""

from typing import Any

import pytest
from django.test import Client
from django.utils.datastructures import MultiValueDict
from hypothesis import given, settings
from hypothesis import strategies as st

from config.admin_base import admin_url
from events.admin.sequence_editor import lines, row_fields
from events.admin.sequence_editor.row_fields import RowsWidget
from events.admin.sequence_editor.row_kinds import BRANCHES, LATER_FILTERS, RULES
from events.language.filters import WITHOUT_VALUE, Operator
from events.models import Sequence
from subscribers.models import Workspace
from tests import factories
from tests.events.admin.sequence_editor.test_lines import SCALARS, TEXTS
from tests.events.admin.sequence_editor.test_sequence_editor import errors_of, wire_of
from tests.support.html_forms import fields_in
from tests.support.sequence_making import make_sequence

RULES_OF_ALL_KINDS: list[dict[str, Any]] = [
    {"type": "tag", "tag": "vip"},
    {"type": "no_tag", "tag": "lead"},
    {"type": "list", "list": "News"},
    {"type": "no_list", "list": "News"},
    {"type": "attribute", "path": "plan", "operator": "equals", "value": "pro"},
    {"type": "attribute", "path": "zip", "operator": "equals", "value": "01067"},
    {"type": "attribute", "path": "cart", "operator": "not_equals", "entryPath": "cart.id"},
    {"type": "event_property", "path": "total", "operator": "greater_than", "value": 1.5},
    {"type": "event_property", "path": "gift", "operator": "one_of", "value": [True, "true", 1]},
    {"type": "event_property", "path": "coupon", "operator": "not_exists"},
    {"type": "did_event", "eventName": "order placed"},
    {"type": "did_not_event", "eventName": "x", "since": "ever"},
    {
        "type": "did_event", "eventName": "x", "since": "ever",
        "propertyFilters": [{"path": "a", "operator": "contains", "value": 'say "hi"'}],
    },
]  # fmt: skip
CONDITION = {"type": "condition", "id": "if", "rules": RULES_OF_ALL_KINDS}
WORDS = TEXTS.filter(bool) | st.sampled_from(["plan", "a.b", "vip"])
FILTERS = st.fixed_dictionaries(
    {"path": WORDS, "operator": st.sampled_from([each.value for each in Operator])},
    optional={"value": SCALARS | st.lists(SCALARS, max_size=3), "entryPath": WORDS},
)
ANY_RULE = st.one_of(
    st.builds(lambda tag: {"type": "no_tag", "tag": tag}, WORDS),
    st.builds(lambda name: {"type": "list", "list": name}, WORDS),
    st.builds(lambda wanted: {"type": "attribute", **wanted}, FILTERS),
    st.builds(lambda wanted: {"type": "event_property", **wanted}, FILTERS),
    st.builds(
        lambda name, each: {"type": "did_not_event", "eventName": name, "propertyFilters": each},
        WORDS, st.lists(FILTERS, max_size=2),
    ),
    st.builds(lambda name: {"type": "did_event", "eventName": name, "since": "ever"}, WORDS),
)  # fmt: skip
BRANCH = st.fixed_dictionaries(
    {"weight": st.integers(0, 2000), "next": WORDS}, optional={"id": WORDS}
)


@pytest.fixture
def sequence(workspace: Workspace) -> Sequence:
    factories.ListFactory.create(workspace=workspace, name="News")
    return make_sequence(
        workspace,
        CONDITION,
        {
            "type": "split", "id": "split", "branches": [
                {"id": "a", "weight": 70, "next": "end"}, {"id": "b", "weight": 30, "next": "exit"},
            ],
        },
        {"type": "exit", "id": "end"},
        propertyFilters=[{"path": "plan", "operator": "one_of", "value": ["pro", "1", 2]}],
        stopCondition={
            "type": "event_received", "value": "paid",
            "propertyFilters": [{"path": "cart", "operator": "equals", "entryPath": "cart"}],
        },
    )  # fmt: skip


def sent(client: Client, sequence: Sequence) -> dict[str, Any]:
    """Return what a browser without script sends of the unchanged page."""
    page = client.get(admin_url(sequence)).content.decode()
    return fields_in(page, form_id="sequence_form")


def returned(kind: Any, wires: list[dict[str, Any]]) -> Any:
    """Return the wire values of a widget after they were shown and posted by a browser."""
    widget = RowsWidget(kind)
    page = f'<form id="f">{widget.render("x", kind.write(wires), {"id": "x"})}</form>'
    text = widget.value_from_datadict(MultiValueDict(fields_in(page, form_id="f")), {}, "x")
    return kind.read(text)


@settings(deadline=None, max_examples=60)
@given(st.lists(ANY_RULE, max_size=2))
def test_rules_come_back_as_they_were(rules: list[dict[str, Any]]) -> None:
    assert lines.is_same(returned(RULES, rules), rules)


@settings(deadline=None, max_examples=60)
@given(st.lists(FILTERS, max_size=2))
def test_filters_come_back_as_they_were(filters: list[dict[str, Any]]) -> None:
    assert lines.is_same(returned(LATER_FILTERS, filters), filters)


@settings(deadline=None, max_examples=60)
@given(st.lists(BRANCH, max_size=2))
def test_branches_come_back_as_they_were(branches: list[dict[str, Any]]) -> None:
    assert lines.is_same(returned(BRANCHES, branches), branches)


def test_every_rule_is_a_row_and_saving_changes_nothing(
    admin_client: Client, sequence: Sequence
) -> None:
    before, version_id = wire_of(sequence), sequence.current_version_id

    data = sent(admin_client, sequence)
    answer = admin_client.post(admin_url(sequence), data)

    kinds = [data[f"steps-0-rules-{n}-kind"][0] for n in range(len(RULES_OF_ALL_KINDS))]
    assert kinds[-2:] == ["did_not_event_ever", "did_event_ever"]
    assert data["stop_filters-0-operator"] == ["equals.entry"]
    assert data["steps-1-branches-0-next"] == ["end"]
    assert answer.status_code == 302, errors_of(answer)
    assert wire_of(sequence) == before
    assert sequence.current_version_id == version_id


def test_beyond_so_many_rows_a_page_has_texts_and_saving_changes_nothing(
    admin_client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_fields, "MOST_ROWS_OF_PAGE", 5)
    ways = [{"id": name, "weight": 1, "next": "end"} for name in "ab"]
    splits = [{"type": "split", "id": f"s{n}", "branches": ways} for n in range(4)]
    sequence = make_sequence(workspace, *splits, {"type": "exit", "id": "end"})
    before = wire_of(sequence)

    data = sent(admin_client, sequence)
    answer = admin_client.post(admin_url(sequence), data)

    are_rows = [f"steps-{n}-branches-rows" in data for n in range(4)]
    assert are_rows == [True, True, False, False]
    assert data["steps-3-branches"] == ["1 end a\r\n1 end b"]
    assert answer.status_code == 302, errors_of(answer)
    assert wire_of(sequence) == before


def test_rows_are_added_filled_and_removed_by_posting(
    admin_client: Client, sequence: Sequence
) -> None:
    address, data = admin_url(sequence), sent(admin_client, sequence)

    added = admin_client.post(address, {**data, "_arrange": "rows-add-filters"}).content.decode()
    fewer = {**fields_in(added, form_id="sequence_form"), "_arrange": "rows-remove-steps-0-rules-0"}
    page = admin_client.post(address, fewer).content.decode()
    filled = {
        **fields_in(page, form_id="sequence_form"),
        "filters-1-path": "coupon",
        "filters-1-operator": "exists",
    }
    answer = admin_client.post(address, filled)

    assert "Not saved yet" in added
    assert 'id="row-filters-1"' in added
    assert answer.status_code == 302, errors_of(answer)
    assert wire_of(sequence)["propertyFilters"][1] == {"path": "coupon", "operator": "exists"}
    kinds = [rule["type"] for rule in wire_of(sequence)["steps"][0]["rules"]]
    assert kinds == [rule["type"] for rule in RULES_OF_ALL_KINDS[1:]]


def test_experts_write_text_instead(admin_client: Client, sequence: Sequence) -> None:
    data = sent(admin_client, sequence)
    data |= {"steps-0-rules": ["tag vip\r\nno_tag lead"], "steps-0-rules-as_text": ["1"]}

    answer = admin_client.post(admin_url(sequence), data)

    assert answer.status_code == 302, errors_of(answer)
    rules = [{"type": "tag", "tag": "vip"}, {"type": "no_tag", "tag": "lead"}]
    assert wire_of(sequence)["steps"][0]["rules"] == rules


def test_what_rows_cannot_show_stays_text(admin_client: Client, workspace: Workspace) -> None:
    filters = [{"path": "a", "operator": "exists"}, {"path": "b", "operator": "exists"}]
    rule = {"type": "did_event", "eventName": "x", "propertyFilters": filters}
    sequence = make_sequence(workspace, {"type": "condition", "id": "if", "rules": [rule]})
    before = wire_of(sequence)

    page = admin_client.get(admin_url(sequence)).content.decode()
    answer = admin_client.post(admin_url(sequence), fields_in(page, form_id="sequence_form"))

    assert "Rows cannot show this." in page
    assert answer.status_code == 302, errors_of(answer)
    assert wire_of(sequence) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("did order", "Line 1: 'did' is no rule. A line begins with tag, no_tag, list, no_list, "),
        ("tag a\nattribute plan is pro", "Line 2: after attribute comes a path, one of exists, "),
    ],
)  # fmt: skip
def test_an_unreadable_rule_names_the_possible_words(text: str, words: str) -> None:
    with pytest.raises(lines.UnreadableLine) as caught:
        lines.rules_from(text)

    assert str(caught.value).startswith(words)


def test_a_half_filled_row_stays_and_says_what_is_missing(
    admin_client: Client, sequence: Sequence
) -> None:
    data = {**sent(admin_client, sequence), "steps-0-rules-0-tag": "", "steps-0-rules-4-value": ""}

    answer = admin_client.post(admin_url(sequence), data)

    text = answer.content.decode()
    assert "Number 1: tag must not be blank" in errors_of(answer)
    assert "Number 5: value is missing." in errors_of(answer)
    assert 'id="row-steps-0-rules-12"' in text


def test_operators_without_a_value_say_so_to_the_page() -> None:
    needs = {each.value: each.needs for each in LATER_FILTERS.inputs[1].options}

    assert {name for name, needed in needs.items() if not needed} == {*WITHOUT_VALUE}
