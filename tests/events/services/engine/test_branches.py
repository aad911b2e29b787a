"""Branches: the ways through nested lists are the ways through the one list that they become."""

from collections import Counter
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from events.language import steps
from events.language.steps import Branch, SplitStep, graph
from events.services.engine.walking import Calls, Ended, Position, walk
from tests.events.services.engine.test_walking import DAY, Given, version_of, walked
from tests.support.parsed_steps import MAIL, faults_of
from tests.support.sequence_making import NOON

TAGS = ["a", "b", "c"]
LATE = NOON + 500 * DAY
MAILS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"kind": "mail"}, {"kind": "mail", "delay": {"minutes": 1}}]
)


def trees(depth: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw lists of mails, exits, conditions and splits, nested so deep."""
    nodes: st.SearchStrategy[dict[str, Any]] = MAILS | st.just({"kind": "exit"})
    if depth:
        inner = trees(depth - 1)
        nodes = (
            nodes
            | st.fixed_dictionaries(
                {"kind": st.just("condition"), "tag": st.sampled_from(TAGS)},
                optional={"then": inner, "else": inner},
            )
            | st.fixed_dictionaries(
                {"kind": st.just("split"), "ways": st.lists(inner, min_size=2, max_size=3)}
            )
        )
    return st.lists(nodes, max_size=3)


def named(tree: list[dict[str, Any]], numbers: Any) -> list[dict[str, Any]]:
    """Return the tree as a caller writes it, each step with an id."""
    found = []
    for node in tree:
        wire: dict[str, Any] = {"id": f"s{next(numbers)}"}
        match node["kind"]:
            case "mail":
                wire |= MAIL | {name: node[name] for name in ("delay",) if name in node}
            case "exit":
                wire["type"] = "exit"
            case "condition":
                rules = [{"type": "tag", "tag": node["tag"]}]
                lists: dict[str, Any] = {
                    n: named(node[n], numbers) for n in ("then", "else") if n in node
                }
                wire |= {"type": "condition", "rules": rules, **lists}
            case _:
                ways = [{"weight": 1, "steps": named(way, numbers)} for way in node["ways"]]
                wire |= {"type": "split", "branches": ways}
        found.append(wire)
    return found


def way_through(tree: list[dict[str, Any]], person: Given) -> tuple[list[str], bool]:
    """Return the ids of the mails that the tree means, and whether it is ended within."""
    found: list[str] = []
    for step in tree:
        inner: list[dict[str, Any]] = []
        match step["type"]:
            case "email":
                found.append(step["id"])
            case "exit":
                return found, True
            case "condition":
                is_met = step["rules"][0]["tag"] in person.tags
                if not is_met and not {"then", "else"} & step.keys():
                    return found, True
                inner = step.get("then" if is_met else "else", [])
            case _:
                ways = tuple(Branch(id=str(n), weight=1) for n, _ in enumerate(step["branches"]))
                split = SplitStep(id=step["id"], branches=ways)
                way = split.branch_of(subscriber_id=person.subscriber_id, sequence_id=UUID(int=3))
                inner = step["branches"][int(way.id)]["steps"]
        mails, is_over = way_through(inner, person)
        found += mails
        if is_over:
            return found, True
    return found, False


def mails_of(wire: list[dict[str, Any]], person: Given) -> list[str]:
    version = version_of(*wire)
    position = Position(version.steps[0] if version.steps else None, NOON)
    found: list[str] = []
    while True:
        done = walk(version=version, position=position, facts=person, now=LATE)
        if not isinstance(done.stop, Calls):
            assert isinstance(done.stop, Ended)
            return found
        found.append(done.stop.step.id)
        assert done.position.placed
        position = Position(version.after(done.position.placed), NOON)


@settings(max_examples=150)
@given(tree=trees(3), tags=st.sets(st.sampled_from(TAGS)), number=st.integers(0, 1000))
def test_nested_lists_are_walked_as_they_are_written(
    tree: list[dict[str, Any]], tags: set[str], number: int
) -> None:
    wire, person = named(tree, count()), Given(tags=tags, subscriber_id=UUID(int=number))
    assume(str(wire).count("'type'") + str(wire).count("'delay'") <= steps.MOST_STEPS)

    assert mails_of(wire, person) == way_through(wire, person)[0]


@settings(max_examples=50)
@given(tree=trees(2))
def test_what_nested_lists_become_reads_back_as_equal(tree: list[dict[str, Any]]) -> None:
    wire = named(tree, count())
    assume(str(wire).count("'type'") + str(wire).count("'delay'") <= steps.MOST_STEPS)
    parsed = steps.parse_steps(wire)

    assert steps.parse_steps([step.as_wire() for step in parsed]) == parsed
    assert tuple(steps.from_stored(step.as_wire()) for step in parsed) == parsed


def test_nested_lists_become_one_list_with_stable_ids() -> None:
    def mail(**more: Any) -> dict[str, Any]:
        return {**MAIL, **more}

    nested = [
        {
            "id": "pro",
            "type": "condition",
            "rules": [{"type": "tag", "tag": "pro"}],
            "then": [MAIL, mail(delay={"days": 1})],
            "else": [MAIL],
        },
        {
            "id": "half",
            "type": "split",
            "branches": [{"weight": 1, "steps": [MAIL]}, {"id": "no", "weight": 3, "steps": []}],
        },
        mail(id="last", delay={"days": 2}),
    ]

    parsed = steps.parse_steps(nested)

    rules = [{"type": "tag", "tag": "pro"}]
    assert parsed == steps.parse_steps(nested)
    assert parsed == steps.parse_steps(
        [
            {"id": "pro", "type": "condition", "rules": rules, "onFalse": "email-1-else-1"},
            mail(id="email-1-then-1"),
            {"id": "email-1-then-2-delay", "type": "delay", "days": 1},
            mail(id="email-1-then-2", next="half"),
            mail(id="email-1-else-1"),
            {
                "id": "half",
                "type": "split",
                "branches": [
                    {"id": "branch-0", "weight": 1, "next": "email-2-branches0-1"},
                    {"id": "no", "weight": 3, "next": "last"},
                ],
            },
            mail(id="email-2-branches0-1"),
            mail(id="last", delay={"days": 2}),
        ]
    )


def test_any_step_names_what_follows() -> None:
    tag = {"id": "tag", "type": "update_tags", "add": ["x"], "next": "last"}
    delay = {"type": "delay", "minutes": 1, "next": "exit"}
    version = version_of(tag, MAIL, {**MAIL, "id": "last"})

    assert version.after(version.steps[0]) == version.steps[2]
    assert walked(delay, MAIL, now=LATE).stop == Ended("completed", "")  # type: ignore[arg-type]  # the word


def test_a_date_that_is_past_leaves_out_the_step_that_would_follow() -> None:
    late = {
        "type": "delay", "mode": "until_date", "field": "at", "missingAction": "skip", "next": "b",
    }  # fmt: skip
    wire = [late, {**MAIL, "id": "a"}, {**MAIL, "id": "b", "next": "d"}, MAIL, {**MAIL, "id": "d"}]

    assert mails_of(wire, Given()) == ["d"]


def test_a_split_keeps_its_shares_and_each_person_s_branch() -> None:
    ways = (Branch(id="a", weight=70, next="x"), Branch(id="b", weight=30, next="y"))
    split, sequence_id, people = SplitStep(id="s", branches=ways), uuid4(), range(10_000)

    def chosen(step: SplitStep, sequence_id: UUID) -> list[str]:
        return [
            step.branch_of(subscriber_id=UUID(int=each), sequence_id=sequence_id).id
            for each in people
        ]

    first = chosen(split, sequence_id)

    # Five standard deviations.
    assert abs(Counter(first)["a"] - 7000) < 230
    assert first == chosen(split, sequence_id)
    assert first != chosen(split, uuid4())
    assert first != chosen(SplitStep(id="other", branches=ways), sequence_id)


def test_the_outcome_of_a_split_has_the_branch() -> None:
    ways = [{"weight": 1, "next": "exit", "id": "a"}, {"weight": 1, "next": "exit", "id": "b"}]

    found = walked({"type": "split", "branches": ways})

    assert found.done[0].outcome["branch"] in {"a", "b"}
    assert found.stop == Ended("completed", "")  # type: ignore[arg-type]  # the word


@pytest.mark.parametrize(
    ("step", "path", "words"),
    [
        ({**MAIL, "next": "gone"}, "next", "must be exit or the id of a later step, not 'gone'."),
        ({**MAIL, "id": "me", "next": "me"}, "next", "must be exit or the id of a later step"),
        ({"type": "split"}, "branches", "has 0 elements; 2 to 10 are allowed."),
        (
            {"type": "split", "branches": [{"weight": 0, "next": "exit"}] * 2},
            "branches[0].weight",
            "must be a whole number from 1 to 1000.",
        ),
        (
            {"type": "split", "branches": [{"weight": 1, "next": "x"}] * 2},
            "branches[1].next",
            "must be exit or the id of a later step, not 'x'.",
        ),
        (
            {"type": "split", "branches": [{"weight": 1}] * 2},
            "branches[0]",
            "needs either next, the id of a later step or exit, or steps.",
        ),
        (
            {
                "type": "condition", "rules": [{"type": "tag", "tag": "x"}],
                "then": [{**MAIL, "subject": ""}],
            },
            "then[0].subject",
            "must not be blank",
        ),
        (
            {
                "type": "condition", "rules": [{"type": "tag", "tag": "x"}],
                "else": [], "onFalse": "exit",
            },
            "else",
            "and onFalse exclude each other.",
        ),
    ],
)  # fmt: skip
def test_a_fault_of_a_branch_is_at_its_path(step: dict[str, Any], path: str, words: str) -> None:
    assert faults_of(step)[f"steps[0].{path}"].startswith(words)


def test_lists_are_nested_five_levels_deep() -> None:
    def nested(depth: int) -> dict[str, Any]:
        rules = [{"type": "tag", "tag": "x"}]
        inner = [nested(depth - 1)] if depth else [MAIL]
        return {"type": "condition", "rules": rules, "then": inner}

    assert len(steps.parse_steps([nested(4)])) == 6
    assert faults_of(nested(5)) == {
        "steps[0]" + ".then[0]" * 5 + ".then": "is nested deeper than 5 levels."
    }


def test_steps_that_no_way_leads_to_are_found() -> None:
    parsed = steps.parse_steps(
        [{**MAIL, "next": "c"}, {**MAIL, "id": "b"}, {**MAIL, "id": "c"}, {"type": "exit"}, MAIL]
    )

    assert graph.unreachable(parsed) == ["b", "email-5"]
