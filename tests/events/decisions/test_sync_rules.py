"""What rules do to a set of tags."""

from typing import Any
from uuid import UUID

import pytest

from events.decisions.sync_rules import Rule, TagRef, apply

LEAD, CUSTOMER, VIP = (TagRef(id=UUID(int=n), name=f"tag-{n}") for n in (1, 2, 3))
BOTH = {"productTypes": ["x"], "vendors": ["y"]}


def rule(number: int = 1, **fields: Any) -> Rule:
    """Return a rule on `buy`."""
    return Rule(id=UUID(int=number), trigger_event="buy", **fields)


def bearing(*tags: TagRef) -> dict[UUID, str]:
    """Return the tags as a subscriber bears them."""
    return {tag.id: tag.name for tag in tags}


def run(*rules: Rule, tags: dict[UUID, str] | None = None, **properties: Any) -> Any:
    """Apply the rules."""
    return apply(rules=rules, tags=tags or {}, properties=properties)


def test_a_tag_is_put_on_once_and_taken_off_once() -> None:
    done = run(rule(add=(LEAD,), remove=(VIP,)), tags=bearing(LEAD))

    assert done.tags == bearing(LEAD)
    assert (done.added, done.removed, done.skipped) == ([], [], [])


def test_tags_come_off_before_they_go_on() -> None:
    done = run(rule(add=(LEAD,), remove=(LEAD,)), tags=bearing(LEAD))

    assert done.tags == bearing(LEAD)
    assert done.net_added(before=bearing(LEAD)) == []
    assert done.net_removed(before=bearing(LEAD)) == []


def test_each_rule_sees_what_the_one_before_it_left() -> None:
    done = run(
        rule(1, add=(CUSTOMER,), remove=(LEAD,)),
        rule(2, add=(VIP,), requires=(CUSTOMER,), requires_not=(LEAD,)),
        tags=bearing(LEAD),
    )

    assert done.tags == bearing(CUSTOMER, VIP)
    assert [change.rule_id.int for change in done.added] == [1, 2]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"requires": (CUSTOMER, LEAD)}, "required_tag_missing"),
        ({"requires_not": (LEAD,)}, "excluded_tag_present"),
        ({"purchased_product": {"vendors": ["Acme"]}}, "product_not_matched"),
    ],
)
def test_a_rule_that_does_nothing_says_why(fields: dict[str, Any], reason: str) -> None:
    done = run(rule(add=(VIP,), **fields), tags=bearing(LEAD))

    assert [skipped.reason for skipped in done.skipped] == [reason]
    assert done.tags == bearing(LEAD)


@pytest.mark.parametrize(
    ("wanted", "properties", "is_met"),
    [
        ({"vendors": ["acme"]}, {"product": {"vendor": "ACME"}}, True),
        ({"vendors": ["acme"]}, {"vendor": "Acme"}, True),
        ({"tags": ["a", "b"]}, {"items": [{"tags": ["c"]}, {"tags": ["b"]}]}, True),
        ({"collectionIds": ["7"]}, {"lineItems": [{"collectionId": 7}]}, True),
        (BOTH, {"products": [{"type": "x", "vendor": "y"}]}, True),
        (BOTH, {"products": [{"type": "x"}, {"vendor": "y"}]}, False),
        ({"vendors": ["acme"]}, {"products": "acme"}, False),
        ({"vendors": ["acme"]}, {"products": [None, 1, "acme", ["acme"]]}, False),
        ({"vendors": ["true"]}, {"vendor": True}, False),
        ({"vendors": ["acme"]}, {"vendor": {"acme": 1}}, False),
    ],
)  # fmt: skip
def test_one_product_must_meet_every_key(
    wanted: dict[str, list[str]], properties: dict[str, Any], is_met: bool
) -> None:
    done = run(rule(add=(VIP,), purchased_product=wanted), **properties)

    assert (done.tags == bearing(VIP)) is is_met
