"""Answers: what a confirmation changes, once, and what it tells upwards."""

from datetime import datetime, timedelta

import pytest

from events.models import Enrollment
from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import confirmations, unsubscribing
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from tests import factories
from tests.support.asking_people import ask, confirm, make_pending, question_of, token_in
from tests.support.sequence_making import NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
DAY = timedelta(hours=24)


@pytest.fixture
def news(workspace: Workspace) -> object:
    return factories.ListFactory.create(workspace=workspace, name="News", is_default=True)


def waiting_enrollment(person: Subscriber) -> Enrollment:
    """Return an enrollment that waits for the person to confirm."""
    sequence = make_sequence(person.workspace, {"type": "delay", "hours": 1})
    version = sequence.current_version
    assert version is not None
    return factories.EnrollmentFactory.create(
        version=version,
        subscriber=person,
        step=version.steps.order_by("position").first(),
        status=Enrollment.Status.WAITING_CONFIRMATION,
        due_at=None,
    )


def leave(person: Subscriber, now: datetime = LATER) -> None:
    unsubscribing.leave(subscriber_ids=[person.pk], now=now, method=UnsubscribeMethod.PAGE)


def test_confirming_makes_active_joins_the_lists_and_lets_runs_begin(
    workspace: Workspace, news: object
) -> None:
    person = make_pending(workspace)
    ask(person)
    enrollment = waiting_enrollment(person)

    is_news = confirmations.confirm(
        confirmation=question_of(person),
        method=confirmations.ConfirmationMethod.GESTURE,
        circumstances=Circumstances(ip="192.0.2.7", user_agent="Phone"),
        now=LATER,
    )

    person.refresh_from_db()
    enrollment.refresh_from_db()
    question = question_of(person)
    line = ConsentRecord.objects.get(kind="confirmed")
    assert is_news
    assert (person.status, person.updated_at) == ("active", LATER)
    assert [(each.list, each.subscribed_at) for each in person.memberships.all()] == [(news, LATER)]
    assert (enrollment.status, enrollment.due_at, enrollment.step_since) == ("active", LATER, LATER)
    assert (question.confirmed_at, question.closed_at) == (LATER, LATER)
    assert (line.method, line.ip, line.user_agent, line.at) == (
        "gesture", "192.0.2.7", "Phone", LATER
    )  # fmt: skip


def test_what_joining_a_list_starts_starts_at_the_confirmation(
    workspace: Workspace, news: object
) -> None:
    sequence = make_sequence(workspace, trigger="contact_added", listScope="any_list")
    person = make_pending(workspace)
    ask(person)

    confirm(person, now=LATER)

    enrollment = Enrollment.objects.get()
    assert (enrollment.sequence, enrollment.status, enrollment.due_at) == (
        sequence,
        "active",
        LATER,
    )


def test_the_second_click_changes_nothing(workspace: Workspace, news: object) -> None:
    person = make_pending(workspace)
    ask(person)
    confirm(person, now=LATER)

    is_news = confirm(person, now=LATER + DAY)

    assert not is_news
    assert ConsentRecord.objects.filter(kind="confirmed").count() == 1
    assert question_of(person).confirmed_at == LATER


@pytest.mark.parametrize("status", ["active", "bounced", "complained"])
def test_who_cannot_say_yes_stays_as_they_are(workspace: Workspace, status: str) -> None:
    person = make_pending(workspace)
    ask(person)
    Subscriber.objects.update(status=status)

    assert not confirm(person)

    person.refresh_from_db()
    assert person.status == status


def test_who_was_deleted_confirms_nothing(workspace: Workspace) -> None:
    person = make_pending(workspace)
    ask(person)
    question = question_of(person)
    Subscriber.objects.all().delete()

    is_news = confirmations.confirm(
        confirmation=question, method="button", circumstances=NOTHING_KNOWN, now=NOON
    )

    assert not is_news


def test_who_left_comes_back_by_a_fresh_confirmation_to_their_own_lists(
    workspace: Workspace, news: object
) -> None:
    person = make_pending(workspace)
    ask(person)
    confirm(person)
    leave(person)
    own = set(person.memberships.filter(unsubscribed_at=None).values_list("list", flat=True))
    factories.ListFactory.create(workspace=workspace, name="New default", is_default=True)

    ask(person, now=LATER)
    is_news = confirm(person, now=LATER)

    person.refresh_from_db()
    still_on = person.memberships.filter(unsubscribed_at=None).values_list("list", flat=True)
    assert is_news
    assert (person.status, person.unsubscribed_at) == ("active", None)
    assert set(still_on) == own
    assert ConsentRecord.objects.filter(kind="resubscribed").count() == 1


def test_who_left_before_ever_confirming_joins_the_held_lists(
    workspace: Workspace, news: object
) -> None:
    person = make_pending(workspace)
    leave(person, now=NOON)
    ask(person)

    confirm(person)

    assert [each.list for each in person.memberships.all()] == [news]


def test_a_link_from_before_somebody_left_does_not_bring_them_back(workspace: Workspace) -> None:
    person = make_pending(workspace)
    ask(person)
    question = question_of(person)
    leave(person)

    is_news = confirm(person, now=LATER)

    person.refresh_from_db()
    question.refresh_from_db()
    assert not is_news
    assert (person.status, question.closed_at) == ("unsubscribed", LATER)


def test_confirming_lets_the_mailbox_be_asked_anew(workspace: Workspace) -> None:
    person = make_pending(workspace)
    ask(person)
    confirm(person)
    leave(person)

    assert ask(person, now=LATER).is_queued


def test_an_operator_confirms_a_pending_person_with_a_reason(
    workspace: Workspace, news: object
) -> None:
    person = make_pending(workspace)

    is_news = confirmations.confirm_by_hand(
        subscriber_id=person.pk,
        reason="Signed on paper.",
        circumstances=Circumstances(actor="root"),
        now=NOON,
    )

    person.refresh_from_db()
    line = ConsentRecord.objects.get()
    assert is_news
    assert person.status == "active"
    assert [each.list for each in person.memberships.all()] == [news]
    assert (line.kind, line.method, line.reason, line.actor) == (
        "confirmed", "hand", "Signed on paper.", "root"
    )  # fmt: skip
    assert question_of(person).confirmed_at == NOON


@pytest.mark.parametrize("status", ["active", "unsubscribed", "bounced"])
def test_an_operator_confirms_no_other_person(workspace: Workspace, status: str) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace, status=status)

    is_news = confirmations.confirm_by_hand(
        subscriber_id=person.pk, reason="x", circumstances=NOTHING_KNOWN, now=NOON
    )

    person.refresh_from_db()
    assert not is_news
    assert person.status == status
    assert not Confirmation.objects.exists()


def test_an_expired_link_gets_a_fresh_one_within_the_limits(workspace: Workspace) -> None:
    person = make_pending(workspace)
    ask(person)
    token = token_in(OutgoingEmail.objects.get())
    late = NOON + 8 * DAY

    for _ in range(3):
        confirmations.ask_again_by_link(token=token, now=late, circumstances=NOTHING_KNOWN)

    fresh = OutgoingEmail.objects.order_by("id").last()
    assert OutgoingEmail.objects.count() == 2
    assert fresh is not None
    assert confirmations.read_link(token_in(fresh), late).state is confirmations.LinkState.OPEN


def test_a_used_or_unknown_link_sends_nothing_to_who_is_active(workspace: Workspace) -> None:
    person = make_pending(workspace)
    ask(person)
    token = token_in(OutgoingEmail.objects.get())
    confirm(person)

    for each in (token, "unknown"):
        confirmations.ask_again_by_link(token=each, now=NOON + 8 * DAY, circumstances=NOTHING_KNOWN)

    assert OutgoingEmail.objects.count() == 1
