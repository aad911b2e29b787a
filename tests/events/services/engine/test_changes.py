"""Steps that change the person, and what that triggers in the same transaction."""

from datetime import timedelta

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from events.models import Enrollment
from events.services import engine
from events.services.engine import claiming
from subscribers.models import ListMembership, Subscriber, Tag
from tests import factories
from tests.support.engine_running import begin, outcomes
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
VIP = {"type": "update_tags", "add": ["vip"]}


@pytest.fixture
def person(workspace: object) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace)


@pytest.fixture
def travel() -> TimeTravel:
    return TimeTravel(NOON)


def tags_of(person: Subscriber) -> set[str]:
    return {link.tag.name for link in person.tag_links.all()}


def bear(person: Subscriber, name: str) -> None:
    tag, _ = Tag.objects.get_or_create(workspace=person.workspace, name=name)
    factories.SubscriberTagFactory.create(subscriber=person, tag=tag, workspace=person.workspace)


def test_only_what_changes_is_said(person: Subscriber, travel: TimeTravel) -> None:
    step = {"type": "update_tags", "add": ["vip", "new"], "remove": ["lead", "old"]}
    enrollment = begin(make_sequence(person.workspace, step), person)
    for name in ("vip", "lead"):
        bear(person, name)

    travel.tick()

    assert outcomes(enrollment) == [{"tagsAdded": ["new"], "tagsRemoved": ["lead"]}]
    assert tags_of(person) == {"vip", "new"}


def test_a_tag_that_is_gone_is_left_out_and_not_added_again(
    person: Subscriber, travel: TimeTravel
) -> None:
    step = {"type": "update_tags", "add": ["vip", "gone"]}
    enrollment = begin(make_sequence(person.workspace, step), person)
    Tag.objects.filter(name="gone").delete()

    travel.tick()

    assert outcomes(enrollment) == [{"tagsAdded": ["vip"], "gone": ["gone"]}]
    assert not Tag.objects.filter(name="gone").exists()


def test_a_tag_of_another_workspace_is_not_meant(person: Subscriber, travel: TimeTravel) -> None:
    sequence = make_sequence(person.workspace, VIP)
    theirs = factories.TagFactory.create(name="vip")
    begin(sequence, person)

    travel.tick()

    (link,) = person.tag_links.all()
    assert link.tag != theirs


def test_a_tag_that_a_step_adds_starts_what_it_triggers(
    person: Subscriber, travel: TimeTravel
) -> None:
    sequence = make_sequence(person.workspace, VIP)
    greeting = make_sequence(person.workspace, MAIL, trigger="tag_added", tagNames=["vip"])
    first = begin(sequence, person, is_test=False)

    travel.tick()
    second = Enrollment.objects.get(sequence=greeting)
    started = (second.status, second.due_at, second.depth, second.started_by)
    travel.tick()

    assert started == (Status.ACTIVE, NOON, 1, None)
    assert second.entered_via == {"kind": "tag", "name": "vip"}
    assert len(mail.outbox) == 1
    first.refresh_from_db()
    assert first.status == Status.COMPLETED


def test_what_a_test_keys_enrollment_starts_mails_nobody_either(
    person: Subscriber, travel: TimeTravel
) -> None:
    sequence = make_sequence(person.workspace, VIP)
    make_sequence(person.workspace, MAIL, trigger="tag_added", tagNames=["vip"])
    begin(sequence, person, is_test=True)

    travel.run_for(timedelta(minutes=1))

    assert mail.outbox == []
    assert set(Enrollment.objects.values_list("is_test", "status")) == {(True, "completed")}


def test_tags_start_sequences_ten_deep_and_no_deeper(
    person: Subscriber, travel: TimeTravel
) -> None:
    for number in range(12):
        make_sequence(
            person.workspace,
            {"type": "update_tags", "add": [f"t{number + 1}"]},
            trigger="tag_added",
            tagNames=[f"t{number}"],
        )
    begin(make_sequence(person.workspace, {"type": "update_tags", "add": ["t0"]}), person)

    travel.run_for(timedelta(minutes=1))

    depths = Enrollment.objects.order_by("depth").values_list("depth", flat=True)
    assert list(depths) == list(range(11))
    # The last step still tags; it only starts nothing.
    assert tags_of(person) == {f"t{number}" for number in range(11)}


def test_an_enrollment_that_its_own_tag_stops_ends_with_that_step(
    person: Subscriber, travel: TimeTravel
) -> None:
    stop = {"type": "tag_added", "value": "vip"}
    enrollment = begin(make_sequence(person.workspace, VIP, MAIL, stopCondition=stop), person)

    travel.run_for(timedelta(minutes=1))

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason, enrollment.due_at) == (
        Status.STOPPED,
        "stop_condition",
        None,
    )
    assert outcomes(enrollment) == [{"tagsAdded": ["vip"]}]
    assert mail.outbox == []


def test_lists_are_joined_and_left_and_start_what_they_trigger(
    person: Subscriber, travel: TimeTravel
) -> None:
    news, offers = (
        factories.ListFactory.create(workspace=person.workspace, name=name)
        for name in ("News", "Offers")
    )
    factories.ListMembershipFactory.create(list=offers, subscriber=person)
    step = {"type": "update_list", "join": ["News"], "leave": ["Offers"]}
    enrollment = begin(make_sequence(person.workspace, step), person)
    make_sequence(person.workspace, MAIL, trigger="contact_added", lists=["News"])

    travel.run_for(timedelta(minutes=1))

    assert outcomes(enrollment) == [{"listsJoined": ["News"], "listsLeft": ["Offers"]}]
    joined = ListMembership.objects.filter(subscriber=person, unsubscribed_at=None)
    assert [each.list for each in joined] == [news]
    assert len(mail.outbox) == 1


def test_a_condition_sees_what_the_step_before_it_changed(
    person: Subscriber, travel: TimeTravel
) -> None:
    has_tag = {"type": "condition", "rules": [{"type": "tag", "tag": "vip"}], "onFalse": "exit"}
    enrollment = begin(make_sequence(person.workspace, VIP, has_tag, MAIL), person)

    travel.tick()

    assert outcomes(enrollment)[1] == {"isMet": True}
    assert len(mail.outbox) == 1


def test_a_mail_shows_what_the_step_before_it_changed(
    person: Subscriber, travel: TimeTravel
) -> None:
    rename = {"type": "update_subscriber", "firstName": "Grace", "attributes": {"plan": "pro"}}
    text = "{{subscriber.firstName}} {{subscriber.attributes.plan}}"
    begin(
        make_sequence(person.workspace, rename, {"type": "email", "subject": text, "text": "."}),
        person,
    )

    travel.tick()

    assert [each.subject for each in mail.outbox] == ["Grace pro"]


def test_attributes_that_would_be_too_large_are_refused_and_the_enrollment_goes_on(
    person: Subscriber, travel: TimeTravel, settings: Settings
) -> None:
    settings.MAX_ATTRIBUTES_BYTES = 40
    Subscriber.objects.update(attributes={"a": "x" * 20})
    step = {"type": "update_subscriber", "firstName": "Grace", "attributes": {"b": "y" * 20}}
    enrollment = begin(make_sequence(person.workspace, step), person)

    travel.tick()

    person.refresh_from_db()
    assert (person.first_name, person.attributes) == ("Grace", {"a": "x" * 20})
    assert outcomes(enrollment) == [{"refused": "attributes_too_large", "changed": ["first_name"]}]


def test_nobody_is_subscribed_again_by_a_step(person: Subscriber, travel: TimeTravel) -> None:
    Subscriber.objects.update(status="unsubscribed")
    step = {"type": "update_subscriber", "status": "active"}
    enrollment = begin(make_sequence(person.workspace, step), person)

    travel.tick()

    person.refresh_from_db()
    assert person.status == "unsubscribed"
    assert outcomes(enrollment) == [{"refused": "not_resubscribed"}]


def test_a_step_that_unsubscribes_ends_its_own_enrollment_and_the_others(
    person: Subscriber, travel: TimeTravel
) -> None:
    leave = {"type": "update_subscriber", "status": "unsubscribed"}
    enrollment = begin(make_sequence(person.workspace, leave, MAIL), person)
    other = begin(make_sequence(person.workspace, {"type": "delay", "days": 9}, MAIL), person)

    travel.tick()

    person.refresh_from_db()
    assert (person.status, person.unsubscribed_at) == ("unsubscribed", NOON)
    for each in (enrollment, other):
        each.refresh_from_db()
        assert (each.status, each.reason) == (Status.STOPPED, "unsubscribed")
    assert mail.outbox == []


def test_many_people_are_changed_alike_in_few_statements(
    person: Subscriber, django_assert_max_num_queries: object
) -> None:
    sequence = make_sequence(person.workspace, VIP)
    make_sequence(person.workspace, MAIL, trigger="tag_added", tagNames=["vip"])
    for _ in range(50):
        begin(sequence, factories.SubscriberFactory.create(workspace=person.workspace))
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)

    with django_assert_max_num_queries(40):  # type: ignore[operator] # pytest-django's fixture
        engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)

    assert Enrollment.objects.filter(status=Status.COMPLETED).count() == 50
    assert Enrollment.objects.filter(status=Status.ACTIVE).count() == 50
