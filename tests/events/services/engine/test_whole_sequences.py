"""Sequences from the first event to the last mail, in time that is passed in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from events.models import Enrollment, StepRun
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from tests import factories
from tests.support.engine_running import begin, outcomes
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
DAY = timedelta(days=1)


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, first_name="Ada")


@pytest.fixture
def travel() -> TimeTravel:
    return TimeTravel(NOON)


def test_two_mails_with_a_delay_between_them(person: Subscriber, travel: TimeTravel) -> None:
    sequence = make_sequence(
        person.workspace,
        {"type": "email", "subject": "Hi {{subscriber.firstName|friend}}", "text": "Welcome"},
        {"type": "delay", "days": 2},
        {"type": "email", "subject": "How is it going?", "text": "Well?"},
    )
    enrollment = begin(sequence, person)

    travel.run_for(timedelta(hours=47))
    subjects_before = [each.subject for each in mail.outbox]
    travel.run_for(timedelta(hours=2))

    assert subjects_before == ["Hi Ada"]
    assert [each.subject for each in mail.outbox] == ["Hi Ada", "How is it going?"]
    enrollment.refresh_from_db()
    left = (enrollment.due_at, enrollment.lease_token, enrollment.entry_slot)
    assert (enrollment.status, *left) == (Status.COMPLETED, None, None, None)
    sent = OutgoingEmail.objects.order_by("id")
    assert [each.sent_at for each in sent] == [NOON, NOON + 2 * DAY]


def test_each_mail_has_a_message_id_and_a_way_out(person: Subscriber, travel: TimeTravel) -> None:
    begin(make_sequence(person.workspace, MAIL), person)

    travel.tick()

    message = mail.outbox[0].message()
    row = OutgoingEmail.objects.get()
    assert message["Message-ID"] == row.message_id
    assert person.unsubscribe_token in message["List-Unsubscribe"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]


def test_an_event_releases_a_wait_and_its_time_counts(
    person: Subscriber, travel: TimeTravel
) -> None:
    sequence = make_sequence(
        person.workspace,
        {"type": "wait_for_event", "eventName": "purchased", "timeout": 7},
        {"type": "delay", "hours": 1},
        MAIL,
    )
    enrollment = begin(sequence, person)
    travel.tick()
    enrollment.refresh_from_db()
    state_before = (enrollment.status, enrollment.awaits, enrollment.due_at)
    event = factories.EventFactory.create(
        subscriber=person,
        definition__name="purchased",
        received_at=NOON + DAY,
        occurred_at=NOON + DAY,
    )
    Enrollment.objects.filter(pk=enrollment.pk).update(released_by=event.pk, due_at=NOON + DAY)

    travel.run_for(DAY + timedelta(hours=2))

    assert state_before == (Status.WAITING, "purchased", NOON + 7 * DAY)
    assert outcomes(enrollment) == [
        {"event": event.pk.hex},
        {"waitedUntil": "2026-11-25T13:00:00Z"},
        {"email": "sent"},
    ]


def test_an_event_that_came_before_the_wait_was_entered_is_found(
    person: Subscriber, travel: TimeTravel
) -> None:
    sequence = make_sequence(person.workspace, {"type": "wait_for_event", "eventName": "bought"})
    started_by = factories.EventFactory.create(
        subscriber=person, received_at=NOON, occurred_at=NOON
    )
    enrollment = begin(sequence, person, started_by=started_by)
    later = factories.EventFactory.create(
        subscriber=person, definition__name="bought", received_at=NOON, occurred_at=NOON
    )

    travel.tick()

    assert outcomes(enrollment) == [{"event": later.pk.hex}]


@pytest.mark.parametrize(
    ("on_timeout", "status", "mails"), [("continue", "completed", 1), ("exit", "completed", 0)]
)
def test_a_wait_that_times_out(
    person: Subscriber, travel: TimeTravel, on_timeout: str, status: str, mails: int
) -> None:
    wait = {"type": "wait_for_event", "eventName": "bought", "timeout": 1, "onTimeout": on_timeout}
    enrollment = begin(make_sequence(person.workspace, wait, MAIL), person)

    travel.run_for(2 * DAY)

    enrollment.refresh_from_db()
    assert enrollment.status == status
    assert len(mail.outbox) == mails
    assert outcomes(enrollment)[0] == {"timedOut": True, "action": on_timeout}


def test_a_condition_leads_on_out_or_to_a_later_step(
    person: Subscriber, travel: TimeTravel
) -> None:
    def condition(on_false: str) -> dict[str, Any]:
        rules = [{"type": "attribute", "path": "plan", "operator": "equals", "value": "pro"}]
        return {"type": "condition", "rules": rules, "onFalse": on_false}

    last = {"type": "email", "id": "last", "subject": "Last", "text": "."}
    first = begin(make_sequence(person.workspace, condition("exit"), MAIL), person)
    second = begin(make_sequence(person.workspace, condition("last"), MAIL, last), person)
    travel.tick()
    subjects = [each.subject for each in mail.outbox]
    Subscriber.objects.filter(pk=person.pk).update(attributes={"plan": "pro"})
    third = begin(make_sequence(person.workspace, condition("exit"), MAIL), person)

    travel.tick()

    assert subjects == ["Last"]
    assert len(mail.outbox) == 2
    assert [outcomes(enrollment)[0]["isMet"] for enrollment in (first, second, third)] == [
        False,
        False,
        True,
    ]
    assert Enrollment.objects.get(pk=first.pk).reason == "condition_not_met"


def test_tags_lists_and_the_person_are_changed(person: Subscriber, travel: TimeTravel) -> None:
    news = factories.ListFactory.create(workspace=person.workspace, name="News")
    sequence = make_sequence(
        person.workspace,
        {"type": "update_tags", "add": ["vip"], "remove": ["lead"]},
        {"type": "update_list", "join": ["News"]},
        {"type": "update_subscriber", "firstName": "Grace", "attributes": {"plan": "pro"}},
    )
    enrollment = begin(sequence, person)

    travel.tick()

    person.refresh_from_db()
    assert [link.tag.name for link in person.tag_links.all()] == ["vip"]
    assert [each.list for each in person.memberships.all()] == [news]
    assert (person.first_name, person.attributes) == ("Grace", {"plan": "pro"})
    assert outcomes(enrollment) == [
        {"tagsAdded": ["vip"]},
        {"listsJoined": ["News"]},
        {"changed": ["attributes", "first_name"]},
    ]


def test_an_unsubscribed_person_gets_transactional_mail_only(
    person: Subscriber, travel: TimeTravel
) -> None:
    receipt = {"type": "email", "subject": "Receipt", "text": ".", "isTransactional": True}
    Subscriber.objects.filter(pk=person.pk).update(status="unsubscribed")
    enrollment = begin(make_sequence(person.workspace, MAIL, receipt), person)

    travel.run_for(timedelta(minutes=1))

    assert [each.subject for each in mail.outbox] == ["Receipt"]
    steps = StepRun.objects.filter(enrollment=enrollment).order_by("id")
    assert [(each.status, each.outcome) for each in steps] == [
        ("skipped", {"reason": "subscriber_unsubscribed"}),
        ("done", {"email": "sent"}),
    ]


def test_a_window_holds_a_mail_until_it_opens(person: Subscriber, travel: TimeTravel) -> None:
    window = {"enabled": True, "days": ["friday"], "startTime": "09:00", "endTime": "10:00"}
    window["timezone"] = "America/New_York"
    enrollment = begin(make_sequence(person.workspace, MAIL, sendingWindow=window), person)

    travel.tick()
    enrollment.refresh_from_db()
    waits = (enrollment.status, enrollment.reason, enrollment.due_at)
    travel.run_for(4 * DAY)

    friday = NOON.replace(day=27, hour=14)
    assert waits == (Status.WAITING, "sending_window", friday)
    assert OutgoingEmail.objects.get().sent_at == friday


@pytest.mark.parametrize("respects", [False, True])
def test_a_receipt_leaves_outside_the_window_unless_its_step_says_otherwise(
    person: Subscriber, travel: TimeTravel, *, respects: bool
) -> None:
    window = {"days": ["monday"], "startTime": "09:00", "endTime": "17:00"}
    receipt = {**MAIL, "isTransactional": True, "respectWindow": respects}
    sequence = make_sequence(person.workspace, receipt, MAIL, sendingWindow=window)
    friday = datetime(2026, 11, 27, 20, tzinfo=UTC)
    begin(sequence, person, entered_at=friday, step_since=friday, due_at=friday)
    travel.now = friday

    travel.run_for(4 * DAY)

    monday = datetime(2026, 11, 30, 9, tzinfo=UTC)
    sent = OutgoingEmail.objects.order_by("id")
    assert [each.sent_at for each in sent] == [monday if respects else friday, monday]


def test_a_template_fault_fails_the_step_with_its_line(
    person: Subscriber, travel: TimeTravel
) -> None:
    text = "fine\n{% for a in event.items %}{{ a }}{% endfor %}"
    event = factories.EventFactory.create(subscriber=person, properties={"items": [1] * 2001})
    sequence = make_sequence(person.workspace, {"type": "email", "subject": "Hi", "text": text})
    enrollment = begin(sequence, person, started_by=event)
    healthy = begin(sequence, factories.SubscriberFactory.create(workspace=person.workspace))

    travel.run_for(timedelta(hours=1))

    enrollment.refresh_from_db()
    healthy.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == (Status.FAILED, "gave_up")
    assert enrollment.last_error.startswith("Line 2: ")
    assert StepRun.objects.get(enrollment=enrollment).error == enrollment.last_error
    assert healthy.status == Status.COMPLETED


def test_the_cap_puts_a_mail_off_until_there_is_room(
    person: Subscriber, travel: TimeTravel
) -> None:
    Workspace.objects.filter(pk=person.workspace_id).update(mail_cap=1, mail_cap_hours=24)
    begin(make_sequence(person.workspace, MAIL, MAIL), person)

    travel.run_for(timedelta(hours=23))
    sent_before = len(mail.outbox)
    travel.run_for(timedelta(hours=2))

    assert sent_before == 1
    assert [each.sent_at for each in OutgoingEmail.objects.order_by("id")] == [NOON, NOON + DAY]


def test_a_paused_workspace_holds_mail_and_loses_none(
    person: Subscriber, travel: TimeTravel
) -> None:
    Workspace.objects.filter(pk=person.workspace_id).update(is_mail_paused=True)
    enrollment = begin(make_sequence(person.workspace, MAIL), person)

    travel.run_for(timedelta(minutes=20))
    enrollment.refresh_from_db()
    held = (len(mail.outbox), enrollment.reason, enrollment.attempts)
    Workspace.objects.filter(pk=person.workspace_id).update(is_mail_paused=False)
    travel.run_for(timedelta(minutes=5))

    assert held == (0, "mail_paused", 0)
    assert len(mail.outbox) == 1


def test_a_test_keys_enrollment_is_seen_in_the_outbox_and_sends_nothing(
    person: Subscriber, travel: TimeTravel
) -> None:
    enrollment = begin(make_sequence(person.workspace, MAIL), person, is_test=True)

    travel.tick()

    assert mail.outbox == []
    row = OutgoingEmail.objects.get()
    assert (row.status, row.reason) == ("skipped", "test_key")
    assert StepRun.objects.get(enrollment=enrollment).email == row


def test_enrollments_of_a_paused_sequence_are_parked(
    person: Subscriber, travel: TimeTravel
) -> None:
    sequence = make_sequence(person.workspace, MAIL)
    enrollment = begin(sequence, person)
    type(sequence).objects.filter(pk=sequence.pk).update(status="paused")

    travel.tick()

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason, enrollment.due_at, enrollment.lease_token) == (
        Status.PAUSED, "sequence_paused", None, None,
    )  # fmt: skip
    assert mail.outbox == []
