"""Webhooks whose receiver is away: tried for a day, by one call at a time."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from events.models import Enrollment, Sequence, StepRun
from events.services.doctor import working
from events.services.enrollments import by_operator
from subscribers.models import OutgoingEmail, Workspace
from subscribers.services.audits.audits import Audit
from tests import factories
from tests.support.engine_running import begin, enrollment_of
from tests.support.ports import free_port
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel
from tests.support.web_servers import Receiver, serve

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
SECOND = timedelta(seconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def allowed(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serve(Receiver()) as receiver:
        yield receiver


def calling(workspace: Workspace, port: int, **step: object) -> Sequence:
    webhook = {"type": "webhook", "url": f"http://127.0.0.1:{port}/x", **step}
    return make_sequence(workspace, webhook, MAIL)


def test_an_hour_without_the_receiver_loses_nothing(
    workspace: Workspace, receiver: Receiver, travel: TimeTravel
) -> None:
    enrollment = enrollment_of(calling(workspace, receiver.port))
    receiver.status = 503

    travel.run_for(HOUR)
    enrollment.refresh_from_db()
    meanwhile = enrollment.status, enrollment.reason, enrollment.last_error, enrollment.attempts
    receiver.status = 200
    travel.run_for(2 * HOUR)

    enrollment.refresh_from_db()
    assert meanwhile == (Status.ACTIVE, "webhook_away", "It answered 503.", 0)
    assert (enrollment.status, enrollment.failing_since) == (Status.COMPLETED, None)
    assert OutgoingEmail.objects.get().status == "sent"
    assert len({headers["Cueline-Delivery"] for _, headers, _ in receiver.asked}) == 1


@pytest.mark.parametrize(
    ("on_error", "end", "mails"),
    [
        ("fail", (Status.FAILED, "gave_up"), 0),
        ("exit", (Status.COMPLETED, "webhook_failed"), 0),
        ("continue", (Status.COMPLETED, ""), 1),
    ],
)
def test_a_receiver_that_stays_away_for_a_day_fails_the_step(
    workspace: Workspace, travel: TimeTravel, on_error: str, end: tuple[str, str], mails: int
) -> None:
    enrollment = enrollment_of(calling(workspace, free_port(), onError=on_error))

    travel.run_for(24 * HOUR - SECOND)
    enrollment.refresh_from_db()
    before = enrollment.status, enrollment.due_at
    travel.run_for(2 * HOUR)

    enrollment.refresh_from_db()
    assert before == (Status.ACTIVE, NOON + 24 * HOUR)
    assert (enrollment.status, enrollment.reason) == end
    step_run = StepRun.objects.get(enrollment=enrollment, step__kind="webhook")
    assert (step_run.status, step_run.error) == ("failed", "127.0.0.1 refused the connection.")
    assert OutgoingEmail.objects.count() == mails


def test_many_enrollments_ask_a_receiver_that_is_away_once_a_pause(
    workspace: Workspace, receiver: Receiver, travel: TimeTravel
) -> None:
    sequence = calling(workspace, receiver.port)
    for _ in range(30):
        begin(sequence, factories.SubscriberFactory.create(workspace=workspace))
    receiver.status = 500

    travel.tick()
    asked_at_once = len(receiver.asked)
    rows = list(Enrollment.objects.order_by("pk"))
    travel.run_for(HOUR)
    asked_in_an_hour = len(receiver.asked)
    receiver.status = 200
    travel.run_for(2 * HOUR)

    assert asked_at_once == 1
    assert [row.attempts for row in rows] == [0] * 30
    assert {row.reason for row in rows} == {"webhook_away"}
    assert {row.failing_since for row in rows} == {NOON}
    # After 5, 10, 20 … seconds, at most five minutes apart.
    assert asked_in_an_hour <= 20
    assert set(Enrollment.objects.values_list("status", flat=True)) == {Status.COMPLETED}
    assert OutgoingEmail.objects.filter(status="sent").count() == 30


def test_enrollments_that_waited_a_day_for_their_receiver_fail_with_its_last_words(
    workspace: Workspace, travel: TimeTravel
) -> None:
    sequence = calling(workspace, free_port())
    for _ in range(10):
        begin(sequence, factories.SubscriberFactory.create(workspace=workspace))

    travel.run_for(25 * HOUR)

    rows = list(Enrollment.objects.values_list("status", "last_error").distinct())
    assert rows == [(Status.FAILED, "127.0.0.1 refused the connection.")]


def test_a_receiver_that_is_away_is_said_once_everywhere(
    workspace: Workspace,
    receiver: Receiver,
    travel: TimeTravel,
    admin_client: Client,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sequence = calling(workspace, receiver.port)
    for _ in range(3):
        begin(sequence, factories.SubscriberFactory.create(workspace=workspace))
    receiver.status = 502
    caplog.set_level(logging.INFO, logger="cueline.webhooks")

    travel.run_for(MINUTE)
    words = (
        "Webhooks to 127.0.0.1 have not been taken since 2026-11-24 12:00 UTC (It answered 502); "
        "enrollments that wait: 3"
    )
    (finding,) = working.receivers(Audit(now=travel.now))
    home = admin_client.get("/admin/").content.decode()
    numbers = client.get("/metrics", HTTP_HOST="127.0.0.1:8000").content.decode()
    receiver.status = 200
    travel.run_for(HOUR)

    assert (finding.what, words in home) == (words, True)
    assert "cueline_webhooks_waiting 3.0" in numbers
    assert [
        (each.levelname, each.message) for each in caplog.records if "Webhooks" in each.message
    ] == [
        (
            "WARNING",
            f"Webhooks to 127.0.0.1:{receiver.port} wait and are tried again: It answered 502.",
        ),
        ("INFO", f"Webhooks to 127.0.0.1:{receiver.port} work again."),
    ]
    assert list(working.receivers(Audit(now=travel.now))) == []


def test_another_receiver_is_called_meanwhile(
    workspace: Workspace, receiver: Receiver, travel: TimeTravel
) -> None:
    enrollment_of(calling(workspace, free_port()), "ada")
    enrollment_of(calling(workspace, receiver.port), "bob")

    travel.tick()

    assert len(receiver.asked) == 1


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("120", 2 * MINUTE),
        ("Tue, 24 Nov 2026 12:03:00 GMT", 3 * MINUTE),
        ("86400", HOUR),
        ("99999999999999999999", HOUR),
        ("soon", 10 * SECOND),
        ("Tue, 24 Nov 2026 12:03:00", 10 * SECOND),
        ("-5", 10 * SECOND),
    ],
)
def test_retry_after_is_obeyed_up_to_an_hour(
    workspace: Workspace, receiver: Receiver, travel: TimeTravel, said: str, pause: timedelta
) -> None:
    receiver.status, receiver.extra_headers = 429, {"Retry-After": said}
    enrollment = enrollment_of(calling(workspace, receiver.port))

    travel.tick()

    enrollment.refresh_from_db()
    assert (enrollment.due_at, enrollment.attempts) == (NOON + pause, 0)


def test_the_time_before_the_first_failure_does_not_count(
    workspace: Workspace, travel: TimeTravel
) -> None:
    enrollment = enrollment_of(calling(workspace, free_port()))
    travel.now = NOON + 48 * HOUR

    travel.tick()

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.failing_since) == (Status.ACTIVE, travel.now)


def test_a_pause_does_not_use_up_patience(workspace: Workspace, travel: TimeTravel) -> None:
    sequence = calling(workspace, free_port())
    enrollment = enrollment_of(sequence)
    travel.run_for(HOUR)
    enrollment.refresh_from_db()
    by_operator.pause(enrollment=enrollment, now=travel.now)
    travel.now += 100 * HOUR
    by_operator.resume(enrollment=enrollment, now=travel.now)

    travel.run_for(23 * HOUR)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == (Status.ACTIVE, "webhook_away")
    travel.run_for(2 * HOUR)
    enrollment.refresh_from_db()
    assert enrollment.status == Status.FAILED


def test_a_retry_has_the_whole_patience_again(workspace: Workspace, travel: TimeTravel) -> None:
    enrollment = enrollment_of(calling(workspace, free_port()))
    travel.run_for(25 * HOUR)
    enrollment.refresh_from_db()
    by_operator.retry(enrollment=enrollment, now=travel.now)

    travel.run_for(23 * HOUR)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.attempts) == (Status.ACTIVE, 0)
