"""Who would enter, and why not: the same words as on the events' pages."""

from typing import Any

import pytest

from events.models import Enrollment, Sequence
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from events.services.enrollments import entering
from events.services.sequences import sequences
from subscribers.models import List, Subscriber, Tag, Workspace
from tests import factories
from tests.support.calling import Caller
from tests.support.enrollment_making import make_enrollment, names_in, reasons_in
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.simulations import simulate

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")


def reason(sequence: Sequence, **options: Any) -> tuple[str, str]:
    entry = simulate(sequence, **options).entry
    return entry.reason, entry.path


def test_the_triggers_own_event_lets_anybody_in(workspace: Workspace) -> None:
    simulation = simulate(make_sequence(workspace, MAIL))

    assert simulation.entry.would_enter
    assert (simulation.entry.by, simulation.entry.name) == ("event", "signup")
    assert not simulation.someone.is_known


def test_a_filter_that_is_not_met_is_reported_with_its_path(workspace: Workspace) -> None:
    filters = [{"path": "plan", "operator": "equals", "value": "pro"}]
    sequence = make_sequence(workspace, MAIL, propertyFilters=filters)

    assert reason(sequence, properties={"plan": "free"}) == ("filter_not_met", "plan")
    assert reason(sequence, properties={"plan": "pro"}) == ("", "")


def test_an_event_without_the_field_that_keeps_runs_apart(workspace: Workspace) -> None:
    keyed: dict[str, Any] = {"enrollmentMode": "matching_field", "enrollmentFieldPath": "order.id"}
    sequence = make_sequence(workspace, MAIL, **keyed)

    assert reason(sequence) == ("entry_key_missing", "order.id")
    assert reason(sequence, properties={"order": {"id": 7}}) == ("", "")


def test_another_event_does_not_start_it(workspace: Workspace) -> None:
    assert reason(make_sequence(workspace, MAIL), event="purchased") == ("not_triggered", "")


def test_an_enrollment_under_way_and_one_that_was(ada: Subscriber) -> None:
    again = make_sequence(ada.workspace, MAIL)
    once = make_sequence(ada.workspace, MAIL, enrollmentMode="one_time")
    make_enrollment(again, ada, entry_slot="")
    make_enrollment(once, ada, entry_slot="", status=Enrollment.Status.COMPLETED, due_at=None)

    assert reason(again) == ("already_enrolled", "")
    assert reason(once) == ("entered_before", "")
    assert reason(again, email="other@example.com") == ("", "")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("unsubscribed", "subscriber_unsubscribed"),
        ("complained", "subscriber_unsubscribed"),
        ("bounced", "subscriber_bounced"),
        ("active", ""),
    ],
)
def test_people_who_left_or_bounced_stay_out_of_sequences_for_active_ones(
    ada: Subscriber, status: str, said: str
) -> None:
    sequence = make_sequence(ada.workspace, MAIL, activeSubscribersOnly=True)
    Subscriber.objects.filter(pk=ada.pk).update(status=status)

    assert reason(sequence) == (said, "")


def test_a_sequence_that_is_not_active_lets_nobody_in(workspace: Workspace) -> None:
    draft = make_sequence(workspace, MAIL, is_active=False)
    archived = make_sequence(workspace, MAIL)
    sequences.archive(sequence=archived, now=NOON)
    closed = make_sequence(workspace, MAIL)
    sequences.set_enrollment_paused(sequence=closed, is_paused=True, now=NOON)

    assert reason(draft) == ("sequence_not_active", "")
    assert reason(archived) == ("sequence_not_active", "")
    assert reason(closed) == ("enrollment_paused", "")


def test_a_person_of_another_workspace_is_nobody_here(workspace: Workspace) -> None:
    factories.SubscriberFactory.create(email="ada@example.com", first_name="Eve")

    simulation = simulate(make_sequence(workspace, MAIL))

    assert not simulation.someone.is_known
    assert simulation.someone.subscriber.first_name == ""


def test_the_path_is_there_even_for_who_does_not_enter(workspace: Workspace) -> None:
    simulation = simulate(make_sequence(workspace, MAIL, is_active=False))

    assert not simulation.entry.would_enter
    assert len(simulation.path.visits) == 1


def test_a_tag_starts_it_that_the_person_does_not_bear(ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, MAIL, trigger="tag_added", tagNames=["vip", "beta"])
    vip = Tag.objects.get(name="vip")
    factories.SubscriberTagFactory.create(subscriber=ada, tag=vip)

    entry = simulate(sequence).entry

    assert (entry.by, entry.name, entry.reason) == ("tag", "beta", "")
    assert sorted(entry.tags.values()) == ["beta", "vip"]
    factories.SubscriberTagFactory.create(subscriber=ada, tag=Tag.objects.get(name="beta"))
    assert reason(sequence) == ("tag_there_already", "")


def test_an_events_sync_rules_put_the_tag_on_that_starts_it(ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, MAIL, trigger="tag_added", tagNames=["customer"])
    rule = RuleSpec(trigger_event="purchased", add=("customer",))
    sync_rules.replace_all(workspace=ada.workspace, specs=[rule])

    entry = simulate(sequence, event="purchased").entry

    assert entry.would_enter
    assert list(entry.tags.values()) == ["customer"]


def test_joining_a_list_starts_it(ada: Subscriber) -> None:
    news = factories.ListFactory.create(workspace=ada.workspace, name="News")
    sequence = make_sequence(ada.workspace, MAIL, trigger="contact_added", lists=["News"])

    entry = simulate(sequence).entry

    assert (entry.by, entry.name, entry.reason) == ("list", "News", "")
    assert entry.list_ids == {news.pk}
    factories.ListMembershipFactory.create(subscriber=ada, list=news)
    assert reason(sequence) == ("no_list_to_join", "")


def test_a_new_person_enters_by_a_default_list_or_by_being_created(workspace: Workspace) -> None:
    created = make_sequence(workspace, MAIL, trigger="contact_added", listScope="any_contact")
    assert reason(created) == ("", "")
    List.objects.create(workspace=workspace, name="News", is_default=True)
    by_list = make_sequence(workspace, MAIL, trigger="contact_added", lists=["News"])

    assert reason(by_list) == ("", "")


@pytest.mark.parametrize("status", Subscriber.Status.values)
@pytest.mark.parametrize("columns", [{}, {"status": "waiting"}])
def test_an_operators_entry_has_the_reasons_of_a_real_one(
    ada: Subscriber, status: str, columns: dict[str, Any]
) -> None:
    sequence = make_sequence(ada.workspace, MAIL, trigger="manual")
    Subscriber.objects.filter(pk=ada.pk).update(status=status)
    if columns:
        make_enrollment(sequence, ada, entry_slot="", **columns)

    said, _ = reason(sequence)

    done = entering.enroll(sequence=sequence, subscribers=[ada], now=NOON)
    assert said == done.skipped.get(ada.pk, "")


def test_the_reasons_are_those_of_a_real_event(ada: Subscriber, caller: Caller) -> None:
    filters = [{"path": "plan", "operator": "equals", "value": "pro"}]
    keyed: dict[str, Any] = {"enrollmentMode": "matching_field", "enrollmentFieldPath": "order.id"}
    made = [
        make_sequence(ada.workspace, MAIL),
        make_sequence(ada.workspace, MAIL, is_active=False),
        make_sequence(ada.workspace, MAIL, propertyFilters=filters),
        make_sequence(ada.workspace, MAIL, **keyed),
        make_sequence(ada.workspace, MAIL, activeSubscribersOnly=True),
        make_sequence(ada.workspace, MAIL, enrollmentMode="one_time"),
        make_sequence(ada.workspace, MAIL),
    ]
    make_enrollment(made[5], ada, entry_slot="", status=Enrollment.Status.STOPPED, due_at=None)
    make_enrollment(made[6], ada, entry_slot="")
    Subscriber.objects.filter(pk=ada.pk).update(status="unsubscribed")
    simulated = {each.name: reason(each)[0] for each in made}

    reply = caller.bulk({"name": "signup"}, query="?dryRun=true", email="ada@example.com")

    (real,) = reply.json["effects"]
    assert {name: why for name, why in simulated.items() if why} == reasons_in(real)
    assert [name for name, why in simulated.items() if not why] == names_in(
        real, "sequencesStarted"
    )
