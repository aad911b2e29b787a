"""The path with dates: what each step decides, and when."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from events.services.simulation import Awaited
from subscribers.models import Subscriber, Suppression, Workspace
from subscribers.services.consent import suppressions
from subscribers.services.consent.suppressions import SuppressionSource
from tests import factories
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.simulations import outcomes, simulate, subjects

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
WAIT = {"type": "wait_for_event", "eventName": "purchased", "timeout": {"days": 3}}
LAST = {"type": "email", "id": "last", "subject": "Last", "text": "."}


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace, email="ada@example.com", first_name="Ada"
    )


def test_mails_leave_after_their_delays(ada: Subscriber) -> None:
    hi = {"type": "email", "subject": "Hi {{subscriber.firstName}}", "text": "{{event.plan}}"}
    sequence = make_sequence(ada.workspace, hi, {"type": "delay", "days": 2}, LAST)

    path = simulate(sequence, properties={"plan": "pro"}).path

    assert [(visit.began_at, visit.ended_at) for visit in path.visits] == [
        (NOON, NOON),
        (NOON, NOON + 2 * DAY),
        (NOON + 2 * DAY, NOON + 2 * DAY),
    ]
    first = path.visits[0].mail
    assert first is not None
    assert (first.subject, first.recipient) == ("Hi Ada", "ada@example.com")
    assert first.text.startswith("pro\n\n-- \nUnsubscribe: ")
    assert path.ending is not None
    assert (path.ending.at, path.ending.status) == (NOON + 2 * DAY, "completed")


def test_a_wait_times_out_by_default(ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, WAIT, MAIL)

    never = simulate(sequence).path.visits
    at_once = simulate(sequence, awaited=Awaited.EVENT).path.visits

    limit = NOON + 3 * DAY
    assert never[0].outcome == {"timedOut": True, "action": "continue", "timesOutAt": limit}
    assert never[1].ended_at == limit
    assert at_once[0].outcome == {"isAssumed": True, "timesOutAt": limit}
    assert at_once[1].ended_at == NOON


def test_a_wait_that_ends_the_enrollment_at_its_timeout(ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, {**WAIT, "onTimeout": "exit"}, MAIL)

    path = simulate(sequence).path

    assert path.ending is not None
    assert (path.ending.at, path.ending.reason) == (NOON + 3 * DAY, "timeout")
    assert len(path.visits) == 1


def test_in_the_past_a_wait_takes_the_event_that_came(ada: Subscriber) -> None:
    came = factories.EventFactory.create(
        subscriber=ada,
        definition__name="purchased",
        occurred_at=NOON + DAY,
        received_at=NOON + DAY,
    )
    did = {"type": "did_event", "eventName": "purchased"}
    early = {"type": "condition", "rules": [did], "onFalse": "wait"}
    late = {"type": "condition", "rules": [did], "onFalse": "exit"}
    sequence = make_sequence(ada.workspace, early, {**WAIT, "id": "wait"}, late, LAST)

    simulation = simulate(sequence)

    assert [visit.ended_at for visit in simulation.path.visits] == [
        NOON, NOON + DAY, NOON + DAY, NOON + DAY,
    ]  # fmt: skip
    assert outcomes(simulation)[0]["isMet"] is False
    assert outcomes(simulation)[1]["event"] == came.public_id
    assert outcomes(simulation)[2] == {"isMet": True}


def test_an_event_that_is_taken_to_come_has_happened_afterwards(ada: Subscriber) -> None:
    pro = {"path": "plan", "operator": "equals", "value": "pro"}
    big = {"path": "total", "operator": "greater_than", "value": 100}
    wait = {**WAIT, "propertyFilters": [pro]}
    rules = [{"type": "did_event", "eventName": "purchased", "propertyFilters": [pro]}]
    other = [{"type": "did_event", "eventName": "purchased", "propertyFilters": [big]}]
    sequence = make_sequence(
        ada.workspace,
        wait,
        {"type": "condition", "rules": rules},
        {"type": "condition", "rules": other},
    )

    met, unmet = outcomes(simulate(sequence, awaited=Awaited.EVENT))[1:]

    assert met["isMet"]
    assert not unmet["isMet"]


def test_the_starting_event_happened_ever_and_not_since(ada: Subscriber) -> None:
    ever = {"type": "did_event", "eventName": "signup", "since": "ever"}
    since = {"type": "did_not_event", "eventName": "signup"}
    sequence = make_sequence(ada.workspace, {"type": "condition", "rules": [ever, since]})

    assert outcomes(simulate(sequence)) == [{"isMet": True}]


def test_conditions_look_at_the_person_and_the_event(ada: Subscriber) -> None:
    Subscriber.objects.filter(pk=ada.pk).update(attributes={"plan": "pro"})
    attribute = {"type": "attribute", "path": "plan", "operator": "equals", "value": "pro"}
    paid = {"type": "event_property", "path": "paid", "operator": "equals", "value": True}
    rules = {"type": "condition", "rules": [attribute, paid], "onFalse": "last"}
    sequence = make_sequence(ada.workspace, rules, MAIL, LAST)

    assert subjects(simulate(sequence, properties={"paid": True})) == ["Hello", "Last"]
    assert subjects(simulate(sequence, properties={"paid": False})) == ["Last"]
    assert subjects(simulate(sequence, "new@example.com", properties={"paid": True})) == ["Last"]


def test_a_mail_waits_for_its_window_in_the_persons_zone(ada: Subscriber) -> None:
    Subscriber.objects.filter(pk=ada.pk).update(timezone="America/New_York")
    window = {"enabled": True, "days": ["friday"], "startTime": "09:00", "endTime": "10:00"}
    sequence = make_sequence(ada.workspace, MAIL, sendingWindow=window)

    (visit,) = simulate(sequence).path.visits

    assert visit.began_at == NOON
    assert visit.ended_at == datetime(2026, 11, 27, 14, tzinfo=UTC)


def test_delays_until_a_date_with_none_or_a_past_one(ada: Subscriber) -> None:
    until = {"type": "delay", "mode": "until_date", "field": "at"}
    sequence = make_sequence(
        ada.workspace, {**until, "missingAction": "exit", "pastAction": "skip"}, MAIL, LAST
    )

    missing = simulate(sequence)
    past = simulate(sequence, properties={"at": "2020-01-01T00:00:00Z"})
    ahead = simulate(sequence, properties={"at": "2026-12-24T18:00:00Z"})

    assert missing.path.ending is not None
    assert missing.path.ending.reason == "date_missing"
    assert subjects(past) == ["Last"]
    assert ahead.path.visits[1].ended_at == datetime(2026, 12, 24, 18, tzinfo=UTC)


def test_a_template_fault_ends_the_enrollment_with_its_line(ada: Subscriber) -> None:
    text = "fine\n{% for a in event.items %}{{ a }}{% endfor %}"
    sequence = make_sequence(ada.workspace, {"type": "email", "subject": "Hi", "text": text}, LAST)

    path = simulate(sequence, properties={"items": [1] * 2001}).path

    assert path.visits[0].error.startswith("Line 2: ")
    assert path.visits[0].mail is None
    assert path.ending is not None
    assert (path.ending.status, path.ending.reason) == ("failed", "gave_up")


def test_mail_without_a_sender_fails(ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, MAIL, is_active=False, fromEmail=None)

    simulation = simulate(sequence)

    assert simulation.readiness.problems
    assert "from address" in simulation.path.visits[0].error


@pytest.mark.parametrize(
    ("status", "reasons"),
    [
        ("active", [None, None]),
        ("unsubscribed", ["subscriber_unsubscribed", None]),
        ("bounced", ["subscriber_bounced", "subscriber_bounced"]),
        ("complained", ["subscriber_complained", "subscriber_complained"]),
        # As if they confirmed at once.
        ("pending", [None, None]),
    ],
)
def test_whose_mail_is_left_out(ada: Subscriber, status: str, reasons: list[str | None]) -> None:
    Subscriber.objects.filter(pk=ada.pk).update(status=status)
    receipt = {**LAST, "isTransactional": True}
    sequence = make_sequence(ada.workspace, MAIL, receipt)

    simulation = simulate(sequence)

    assert [each.get("reason") for each in outcomes(simulation)] == reasons
    assert subjects(simulation) == ["Hello", "Last"]


def test_an_address_that_is_not_allowed_is_left_out(ada: Subscriber, settings: Settings) -> None:
    settings.EMAIL_ALLOW = ("elsewhere.example",)

    (visit,) = simulate(make_sequence(ada.workspace, MAIL)).path.visits

    assert (visit.status, visit.outcome) == ("skipped", {"reason": "not_in_allow_list"})


def test_a_suppressed_address_is_left_out(ada: Subscriber) -> None:
    suppressions.suppress(
        workspace=ada.workspace,
        address=ada.email,
        reason=Suppression.Reason.MANUAL,
        source=SuppressionSource.ADMIN,
        now=NOON,
    )

    (visit,) = simulate(make_sequence(ada.workspace, MAIL)).path.visits

    assert (visit.status, visit.outcome) == ("skipped", {"reason": "suppressed"})


def test_a_webhook_is_shown_and_not_called(ada: Subscriber) -> None:
    step = {"type": "webhook", "id": "crm", "url": "https://crm.example/hook"}
    sequence = make_sequence(ada.workspace, step, LAST)

    first, _ = simulate(sequence, properties={"plan": "pro"}).path.visits

    assert first.call is not None
    assert (first.call.method, first.call.url) == ("POST", "https://crm.example/hook")
    sent = json.loads(first.call.body)
    assert sent["stepId"] == "crm"
    assert sent["subscriber"]["email"] == "ada@example.com"
    assert sent["event"]["properties"] == {"plan": "pro"}


@pytest.mark.parametrize(("most", "count", "is_cut"), [(1, 1, True), (2, 2, True), (3, 3, False)])
def test_a_path_is_cut_at_its_limit(ada: Subscriber, most: int, count: int, is_cut: bool) -> None:
    sequence = make_sequence(ada.workspace, MAIL, {"type": "delay", "days": 1}, LAST)

    path = simulate(sequence, most=most).path

    assert len(path.visits) == count
    assert (path.ending is None) == is_cut


def test_a_delay_beyond_the_calendar_fails_its_step(ada: Subscriber) -> None:
    until = {"type": "delay", "mode": "until_date", "field": "at"}
    sequence = make_sequence(ada.workspace, until, {"type": "delay", "days": 365}, LAST)

    path = simulate(sequence, properties={"at": "9999-12-01T00:00:00Z"}).path

    assert path.ending is not None
    assert path.ending.status == "failed"


def notes_of(ada: Subscriber, **columns: int) -> Iterator[str]:
    Workspace.objects.filter(pk=ada.workspace_id).update(**columns)
    yield from simulate(make_sequence(Workspace.objects.get(), MAIL)).notes


def test_what_is_taken_for_granted_is_said(ada: Subscriber) -> None:
    Subscriber.objects.filter(pk=ada.pk).update(status="pending")

    notes = " ".join(notes_of(ada, is_mail_paused=True, mail_cap=2, mail_cap_hours=24))

    assert "confirm" in notes
    assert "Mail is paused" in notes
    assert "At most 2 marketing mails go to one person in 24 hours" in notes


def test_a_sequence_without_steps_has_no_path(workspace: Workspace) -> None:
    sequence = factories.SequenceFactory.create(workspace=workspace, current_version=None)

    simulation = simulate(sequence)

    assert simulation.path.visits == ()
    assert simulation.readiness.problems
