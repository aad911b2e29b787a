"""What a step changes of a person, decided without a database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from events.decisions.changes import KnownNames, ListRef, PersonChange, decide
from events.decisions.sync_rules import TagRef
from events.language import steps

VIP, LEAD = TagRef(UUID(int=1), "vip"), TagRef(UUID(int=2), "lead")
NEWS = ListRef(UUID(int=3), "News")
KNOWN = KnownNames(tags={"vip": VIP, "lead": LEAD}, lists={"lst_news": NEWS})


@dataclass
class Person:
    status: str = "active"
    tags: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    attributes: Mapping[str, Any] = field(default_factory=dict)


def decided(step: steps.ChangingStep, person: Person, most_bytes: int = 1000) -> PersonChange:
    return decide(step, person=person, status=person.status, known=KNOWN, most_bytes=most_bytes)


def test_tags_change_where_they_are_not_as_wanted_yet() -> None:
    step = steps.UpdateTagsStep(id="a", add=("vip", "gone"), remove=("lead",))

    change = decided(step, Person(tags={"lead"}))
    again = decided(step, Person(tags={"vip"}))

    assert (change.tags_added, change.tags_removed) == ([VIP], [LEAD])
    assert change.outcome == {"tagsAdded": ["vip"], "tagsRemoved": ["lead"], "gone": ["gone"]}
    assert (again.tags_added, again.tags_removed, again.outcome) == ([], [], {"gone": ["gone"]})


def test_lists_are_left_before_they_are_joined() -> None:
    step = steps.UpdateListStep(id="a", join=("lst_news",), leave=("lst_news", "lst_gone"))

    change = decided(step, Person(lists={"lst_news"}))

    assert (change.lists_joined, change.lists_left) == ([NEWS], [NEWS])
    assert change.outcome == {"listsJoined": ["News"], "listsLeft": ["News"], "gone": ["lst_gone"]}


def test_attributes_that_grow_too_large_are_refused_and_the_names_change() -> None:
    step = steps.UpdateSubscriberStep(id="a", first_name="Ada", attributes={"b": "x", "old": None})

    change = decided(step, Person(attributes={"a": 1, "old": 2}))
    refused = decided(step, Person(attributes={"a": 1, "old": 2}), most_bytes=5)

    assert change.columns == {"first_name": "Ada", "attributes": {"a": 1, "b": "x"}}
    assert change.outcome == {"changed": ["attributes", "first_name"]}
    assert refused.columns == {"first_name": "Ada"}
    assert refused.outcome == {"refused": "attributes_too_large", "changed": ["first_name"]}


def test_a_person_leaves_by_a_step_and_does_not_come_back_by_one() -> None:
    leave = decided(steps.UpdateSubscriberStep(id="a", status="unsubscribed"), Person())
    back = steps.UpdateSubscriberStep(id="a", status="active")

    assert leave == PersonChange(is_leaving=True, outcome={})
    assert decided(back, Person(status="unsubscribed")).outcome == {"refused": "not_resubscribed"}
    assert decided(back, Person()).outcome == {}
