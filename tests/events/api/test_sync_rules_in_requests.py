"""What rules do when events come in: event by event, each sees the result of the one before it."""

import pytest

from events.models import Event
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import PRESET, RuleSpec
from subscribers.models import SubscriberTag, Tag
from tests.support.calling import Caller

pytestmark = pytest.mark.usefixtures("both_ways")


def tags_now() -> set[str]:
    return set(SubscriberTag.objects.values_list("tag__name", flat=True))


def test_a_new_workspace_has_no_rules(caller: Caller) -> None:
    caller.bulk({"name": "saas.purchase"})

    assert tags_now() == set()


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        (["saas.trial_started"], {"trial"}),
        (["saas.trial_started", "saas.trial_ended"], set()),
        (["saas.purchase"], {"customer"}),
        (["saas.purchase", "saas.payment_failed"], {"customer", "past-due"}),
        (["saas.payment_failed", "saas.purchase"], {"customer"}),
        (["saas.purchase", "saas.cancelled"], {"cancelled"}),
        (["saas.purchase", "saas.cancelled", "saas.churn"], {"churned"}),
        (["saas.purchase", "saas.refund"], {"customer", "refunded"}),
        (["saas.churn", "saas.purchase"], {"customer"}),
    ],
)
def test_the_preset_keeps_tags_in_step(caller: Caller, names: list[str], tags: set[str]) -> None:
    sync_rules.replace_all(workspace=caller.workspace, specs=PRESET)

    caller.bulk(*[{"name": name} for name in names])

    assert tags_now() == tags


def test_the_preset_takes_lead_off(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[*PRESET, RuleSpec(trigger_event="signed_up", add=["Lead"])],
    )

    caller.bulk({"name": "signed_up"}, {"name": "saas.trial_started"})

    assert tags_now() == {"trial"}


def test_effects_name_each_tag_and_its_rule(caller: Caller) -> None:
    first, second = sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[
            RuleSpec(trigger_event="a", add=["VIP_User"]),
            RuleSpec(trigger_event="b", remove=["vip user"], add=["gone"]),
        ],
    )

    caller.bulk({"name": "a"}, {"name": "b"}, {"name": "c"})

    vip, gone = Tag.objects.get(name="vip-user"), Tag.objects.get(name="gone")
    effects = list(Event.objects.order_by("id").values_list("effects", flat=True))
    vip_by = {"tag": "vip-user", "tagId": vip.pk.hex}
    assert effects == [
        {"tagsAdded": [{**vip_by, "rule": first.pk.hex}]},
        {
            "tagsAdded": [{"tag": "gone", "tagId": gone.pk.hex, "rule": second.pk.hex}],
            "tagsRemoved": [{**vip_by, "rule": second.pk.hex}],
        },
        {},
    ]


def test_rules_run_in_stored_order_each_on_the_tags_as_they_now_are(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[
            RuleSpec(trigger_event="a", add=["one"]),
            RuleSpec(trigger_event="a", requires=["one"], add=["two"]),
            RuleSpec(trigger_event="a", requires_not=["two"], add=["three"]),
        ],
    )

    caller.bulk({"name": "a"})

    assert tags_now() == {"one", "two"}
    assert [each["reason"] for each in Event.objects.get().effects["rulesSkipped"]] == [
        "excluded_tag_present"
    ]


def test_a_rule_removes_before_it_adds(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", remove=["x"], add=["x"])]
    )

    caller.bulk({"name": "a"})

    assert tags_now() == {"x"}


def test_an_event_sees_what_the_one_before_it_left(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[
            RuleSpec(trigger_event="a", requires=["seen-b"], add=["after-b"]),
            RuleSpec(trigger_event="b", add=["seen-b"]),
        ],
    )

    caller.bulk({"name": "a"}, {"name": "b"}, {"name": "a"})

    assert tags_now() == {"seen-b", "after-b"}


@pytest.mark.parametrize(
    ("properties", "is_met"),
    [
        ({"products": [{"vendor": "Acme", "tags": ["x", "SALE"]}]}, True),
        (
            {"items": [{"vendor": "other", "tags": ["sale"]}, {"vendor": "acme", "tags": "sale"}]},
            True,
        ),
        ({"product": {"vendor": "ACME", "tags": ["sale"]}}, True),
        ({"vendor": "acme", "tags": ["sale"]}, True),
        ({"products": [{"vendor": "acme"}, {"tags": ["sale"]}]}, False),
        ({"products": "acme"}, False),
        ({}, False),
    ],
)
def test_a_rule_can_ask_for_a_product(
    caller: Caller,
    properties: dict[str, object],
    is_met: bool,
) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace,
        specs=[
            RuleSpec(
                trigger_event="a",
                add=["x"],
                purchased_product={"vendors": ["Acme"], "tags": ["sale", "new"]},
            )
        ],
    )

    caller.bulk({"name": "a", "properties": properties})

    assert tags_now() == ({"x"} if is_met else set())


def test_rules_run_whatever_the_status(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    caller.bulk({"name": "first"})
    caller.workspace.subscribers.update(status="unsubscribed")

    caller.bulk({"name": "a"})

    assert tags_now() == {"x"}


def test_rules_of_another_workspace_do_not_run(caller: Caller, stranger: Caller) -> None:
    sync_rules.replace_all(
        workspace=stranger.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )

    caller.bulk({"name": "a"})

    assert tags_now() == set()


def test_a_changed_rule_holds_for_the_next_request(caller: Caller) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="a", add=["x"])]
    )
    caller.bulk({"name": "a"})
    sync_rules.replace_all(workspace=caller.workspace, specs=[])

    caller.bulk({"name": "a"}, email="b@example.com")

    assert SubscriberTag.objects.count() == 1
