"""`/sync-rules`: read and replaced as a set."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import SyncRule
from subscribers.models import Tag
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, done, path_of_fault, send

pytestmark = pytest.mark.django_db
RULES = "/api/v1/sync-rules"
RULE = {
    "triggerEvent": "order.placed",
    "conditions": {
        "requiresTags": ["Lead"],
        "requiresNotTags": [],
        "purchasedProduct": {"vendors": ["Acme"]},
    },
    "actions": {"addTags": ["customer"], "removeTags": ["lead"]},
}


def test_a_set_is_stored_in_its_normal_form_and_applied(caller: Caller) -> None:
    stored = done(send(caller, "PUT", RULES, {"syncRules": [RULE]}))

    conditions = {**RULE["conditions"], "requiresTags": ["lead"]}  # type: ignore[dict-item]
    assert stored["syncRules"] == [{**RULE, "conditions": conditions}]
    assert (stored["isDefault"], stored["message"]) == (False, "1 rule is in force.")
    assert done(caller.get(RULES)) == stored
    caller.post(PEOPLE, {"email": "ada@example.com", "tags": ["lead"]})
    order = {"name": "order.placed", "properties": {"products": [{"vendor": "Acme"}]}}
    assert caller.bulk(order, email="ada@example.com").status == 200
    read = done(caller.get(f"{PEOPLE}/ada@example.com"))["subscriber"]
    assert read["tags"] == ["customer"]


def test_nothing_switches_rules_off_and_null_is_the_preset(caller: Caller) -> None:
    preset = done(send(caller, "PUT", RULES, {"syncRules": None}))
    off = done(send(caller, "PUT", RULES, {"syncRules": []}))

    assert (preset["isDefault"], len(preset["syncRules"])) == (True, 7)
    assert (off["isDefault"], off["syncRules"]) == (False, [])
    assert off["message"] == "0 rules are in force."
    assert not SyncRule.objects.exists()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "syncRules"),
        ({"syncRules": {}}, "syncRules"),
        ({"syncRules": [7]}, "syncRules[0]"),
        ({"syncRules": [{"actions": {"addTags": ["a"]}}]}, "syncRules[0].triggerEvent"),
        ({"syncRules": [{**RULE, "actions": {}}]}, "syncRules[0].actions.addTags"),
        ({"syncRules": [{**RULE, "action": {}}]}, "syncRules[0].action"),
        (
            {"syncRules": [RULE, {**RULE, "actions": {"addTags": ["a", "!!"]}}]},
            "syncRules[1].actions.addTags[1]",
        ),
        (
            {"syncRules": [{**RULE, "conditions": {"purchasedProduct": {"colour": ["x"]}}}]},
            "syncRules[0].conditions.purchasedProduct",
        ),
    ],
)
def test_a_faulty_set_changes_nothing(caller: Caller, body: object, path: str) -> None:
    done(send(caller, "PUT", RULES, {"syncRules": [RULE]}))

    assert path_of_fault(send(caller, "PUT", RULES, body)) == path
    assert SyncRule.objects.count() == 1


def test_a_set_that_somebody_else_changed_is_kept(caller: Caller) -> None:
    seen = caller.get(RULES).headers["ETag"]
    send(caller, "PUT", RULES, {"syncRules": [RULE]})

    late = send(caller, "PUT", RULES, {"syncRules": []}, If_Match=seen)

    assert (late.status, SyncRule.objects.count()) == (412, 1)


def test_a_large_set_costs_no_more_statements_than_a_small_one(caller: Caller) -> None:
    def statements(count: int) -> int:
        given = [_adding(number, f"tag-{number}") for number in range(count)]
        with CaptureQueriesContext(connection) as captured:
            assert len(done(send(caller, "PUT", RULES, {"syncRules": given}))["syncRules"]) == count
        return len(captured)

    small = statements(2)

    # Some of them are cut into parts, for what a statement of SQLite may hold.
    assert statements(300) < small + 30


def test_a_set_that_names_too_many_tags_is_refused(caller: Caller) -> None:
    given = [
        _adding(number, *(f"tag-{number}-{each}" for each in range(100))) for number in range(51)
    ]

    reply = send(caller, "PUT", RULES, {"syncRules": given})

    assert path_of_fault(reply) == "syncRules"
    assert "5,100 different tags" in reply.message
    assert not Tag.objects.exists()


def _adding(number: int, *tags: str) -> dict[str, object]:
    return {"triggerEvent": f"event {number}", "actions": {"addTags": tags}}
