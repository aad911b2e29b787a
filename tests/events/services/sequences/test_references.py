"""The tags and lists that a sequence names, wherever it names them."""

import pytest

from events.language.specs import SequenceSpec, parse_sequence
from events.services.sequences import references
from subscribers.wire.payloads import InvalidRequest
from tests.factories import EventDefinitionFactory, ListFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


def spec_with(*lists: str) -> SequenceSpec:
    """Return a sequence that names each of the lists four times, and the first as its own."""
    return parse_sequence(
        {
            "name": "A",
            "lists": list(lists),
            "mailList": lists[0],
            "steps": [
                {"type": "update_list", "join": list(lists)},
                {"type": "update_list", "leave": list(lists)},
                {"type": "condition", "rules": [{"type": "list", "list": each} for each in lists]},
            ],
        }
    )


def test_a_list_is_known_by_name_and_by_id() -> None:
    workspace = WorkspaceFactory.create()
    news = ListFactory.create(workspace=workspace, name="News")
    list_id = f"lst_{news.pk.hex}"

    by_name = references.resolved(workspace=workspace, spec=spec_with("News"))
    by_both = references.resolved(workspace=workspace, spec=spec_with("News", list_id))

    assert by_name == spec_with(list_id)
    assert by_both.trigger.lists == (list_id,)
    assert references.with_list_names(workspace=workspace, spec=by_name) == spec_with("News")


def test_a_list_that_was_renamed_is_the_same_list() -> None:
    workspace = WorkspaceFactory.create()
    news = ListFactory.create(workspace=workspace, name="News")
    stored = references.resolved(workspace=workspace, spec=spec_with("News"))
    news.name = "Letters"
    news.save()

    assert references.with_list_names(workspace=workspace, spec=stored) == spec_with("Letters")
    assert references.missing_lists(workspace=workspace, spec=stored) == []


def test_each_place_that_names_an_unknown_list_is_reported() -> None:
    workspace = WorkspaceFactory.create()
    foreign = ListFactory.create(name="Foreign")

    with pytest.raises(InvalidRequest) as caught:
        references.resolved(workspace=workspace, spec=spec_with("Foreign", f"lst_{foreign.pk.hex}"))

    places = ["steps[0].join", "steps[1].leave", "steps[2].rules"]
    assert [fault.path for fault in caught.value.faults] == [
        "lists", "lists", "mailList", *(place for place in places for _ in range(2)),
    ]  # fmt: skip


def test_a_list_that_is_gone_keeps_its_id_and_is_reported() -> None:
    workspace = WorkspaceFactory.create()
    news = ListFactory.create(workspace=workspace, name="News")
    stored = references.resolved(workspace=workspace, spec=spec_with("News"))
    news.delete()

    assert references.with_list_names(workspace=workspace, spec=stored) == stored
    assert references.missing_lists(workspace=workspace, spec=stored) == [
        "lists", "mailList", "steps[0].join", "steps[1].leave", "steps[2].rules",
    ]  # fmt: skip


def test_tags_are_found_wherever_they_are_named() -> None:
    spec = parse_sequence(
        {
            "name": "A",
            "trigger": "tag_added",
            "tagNames": ["one"],
            "stopCondition": {"type": "tag_added", "value": "two"},
            "steps": [
                {"type": "update_tags", "add": ["three"], "remove": ["four"]},
                {"type": "condition", "rules": [{"type": "no_tag", "tag": "Five"}]},
            ],
        }
    )

    assert references.tags_named(spec) == {"one", "two", "three", "four", "five"}


def test_an_event_that_never_came_is_named_where_it_is_asked_for() -> None:
    workspace = WorkspaceFactory.create()
    EventDefinitionFactory.create(workspace=workspace, name="paid")
    spec = parse_sequence(
        {
            "name": "Welcome",
            "trigger": "event_received",
            "eventName": "signup",
            "stopCondition": {"type": "event_received", "value": "left"},
            "steps": [
                {"type": "wait_for_event", "eventName": "project created"},
                {
                    "type": "condition",
                    "rules": [
                        {"type": "did_event", "eventName": "paid"},
                        {"type": "did_not_event", "eventName": "seen"},
                    ],
                },
            ],
        }
    )

    assert list(references.never_received(workspace=workspace, spec=spec)) == [
        "No event signup was ever received, and the trigger asks for it.",
        "No event project created was ever received, and step 1 asks for it.",
        "No event seen was ever received, and step 2 asks for it.",
        "No event left was ever received, and the exit condition asks for it.",
    ]
