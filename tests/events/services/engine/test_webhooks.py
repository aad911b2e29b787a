"""Webhooks of enrollments at a real web server on this machine."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from events.models import Enrollment, Sequence, Step, StepRun
from events.services.enrollments import by_operator
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support.beside import beside
from tests.support.engine_running import begin, outcomes
from tests.support.ports import free_port
from tests.support.sequence_making import NOON, make_sequence
from tests.support.time_travel import TimeTravel
from tests.support.web_servers import Receiver, listen, serve

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
SECOND = timedelta(seconds=1)
LATER = {"type": "delay", "days": 1}


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    with serve(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace, email="ada@example.com", first_name="Ada", attributes={"plan": "pro"}
    )


@pytest.fixture
def travel() -> TimeTravel:
    return TimeTravel(NOON)


def hook(workspace: Workspace, port: int, **step: Any) -> Sequence:
    """Return a sequence that calls this machine, then waits."""
    webhook = {"type": "webhook", "id": "tell", "url": f"http://127.0.0.1:{port}/in", **step}
    return make_sequence(workspace, webhook, LATER, name="Tell them")


def hmac_of(workspace: Workspace, timestamp: str, body: bytes) -> str:
    signed = b"v1:" + timestamp.encode() + b":" + body
    return "v1=" + hmac.new(workspace.webhook_secret.encode(), signed, hashlib.sha256).hexdigest()


def test_a_webhook_says_who_and_what_and_is_signed(
    person: Subscriber, receiver: Receiver, travel: TimeTravel
) -> None:
    event = factories.EventFactory.create(subscriber=person, properties={"order": {"id": 7}})
    sequence = hook(person.workspace, receiver.port)
    enrollment = begin(sequence, person, started_by=event)

    travel.tick()

    ((path, headers, body),) = receiver.asked
    assert path == "/in"
    assert headers["Content-Type"] == "application/json"
    assert headers["Cueline-Timestamp"] == str(int(NOON.timestamp()))
    timestamp = headers["Cueline-Timestamp"]
    assert headers["Cueline-Signature"] == hmac_of(person.workspace, timestamp, body)
    sent = json.loads(body)
    assert sent["sequence"] == {"id": sequence.public_id, "name": "Tell them"}
    assert (sent["enrollmentId"], sent["stepId"]) == (enrollment.public_id, "tell")
    assert sent["subscriber"]["email"] == "ada@example.com"
    assert sent["subscriber"]["attributes"] == {"plan": "pro"}
    assert sent["event"] == {"id": event.public_id, "properties": {"order": {"id": 7}}}
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.due_at, enrollment.lease_token) == (
        Status.WAITING,
        NOON + timedelta(days=1),
        None,
    )
    (outcome,) = outcomes(enrollment)
    assert outcome["status"] == 200
    assert outcome["milliseconds"] >= 0


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_passing_refusal_is_repeated_with_the_same_id(
    person: Subscriber, receiver: Receiver, travel: TimeTravel, status: int
) -> None:
    receiver.status = status
    enrollment = begin(hook(person.workspace, receiver.port), person)

    travel.tick()
    enrollment.refresh_from_db()
    retried = (
        enrollment.status,
        enrollment.attempts,
        enrollment.last_error,
        enrollment.due_at,
        enrollment.lease_token,
    )
    receiver.status = 204
    travel.run_for(timedelta(minutes=1))

    due_at = NOON + 10 * SECOND
    assert retried == (Status.ACTIVE, 0, f"It answered {status}.", due_at, None)
    assert len(receiver.asked) == 2
    assert len({headers["Cueline-Delivery"] for _, headers, _ in receiver.asked}) == 1
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.attempts, enrollment.last_error) == (
        Status.WAITING,
        0,
        "",
    )
    step_run = StepRun.objects.get(enrollment=enrollment)
    assert step_run.status == "done"


def test_a_server_that_is_not_there_is_called_again(
    person: Subscriber, settings: Settings, travel: TimeTravel
) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    enrollment = begin(hook(person.workspace, free_port()), person)

    travel.tick()

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.attempts, enrollment.due_at) == (
        Status.ACTIVE,
        0,
        NOON + 10 * SECOND,
    )
    assert (enrollment.reason, enrollment.last_error != "") == ("webhook_away", True)


@pytest.mark.parametrize("status", [404, 302, 410])
@pytest.mark.parametrize(
    ("on_error", "end"),
    [
        ("fail", (Status.FAILED, "gave_up")),
        ("exit", (Status.COMPLETED, "webhook_failed")),
        ("continue", (Status.WAITING, "")),
    ],
)
def test_a_webhook_that_fails_for_good_does_what_its_step_says(
    person: Subscriber,
    receiver: Receiver,
    travel: TimeTravel,
    status: int,
    on_error: str,
    end: tuple[str, str],
) -> None:
    receiver.status = status
    # A redirect is an answer: nobody follows it.
    receiver.extra_headers = {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    enrollment = begin(hook(person.workspace, receiver.port, onError=on_error), person)

    travel.run_for(timedelta(hours=2))

    enrollment.refresh_from_db()
    assert [path for path, _, _ in receiver.asked] == ["/in"]
    assert (enrollment.status, enrollment.reason) == end
    step_run = StepRun.objects.get(enrollment=enrollment)
    assert step_run.status == "failed"
    if on_error == "fail":
        assert (enrollment.last_error, step_run.error) == (f"It answered {status}.",) * 2
    else:
        assert step_run.outcome["status"] == status
        assert step_run.outcome["action"] == on_error
        assert enrollment.last_error == ""


def test_an_address_that_is_not_public_is_refused_and_not_called(
    person: Subscriber, receiver: Receiver, travel: TimeTravel, settings: Settings
) -> None:
    sequence = hook(person.workspace, receiver.port)
    settings.ALLOW_PRIVATE_WEBHOOKS = False
    Step.objects.filter(key="tell").update(
        config={"type": "webhook", "id": "tell", "url": f"https://127.0.0.1:{receiver.port}/in"}
    )
    enrollment = begin(sequence, person)

    travel.run_for(timedelta(hours=1))

    enrollment.refresh_from_db()
    assert receiver.asked == []
    assert (enrollment.status, enrollment.attempts) == (Status.FAILED, 1)
    assert enrollment.last_error.startswith("The URL ")


def test_a_test_keys_enrollment_calls_nobody(
    person: Subscriber, receiver: Receiver, travel: TimeTravel
) -> None:
    enrollment = begin(hook(person.workspace, receiver.port), person, is_test=True)

    travel.tick()

    assert receiver.asked == []
    step_run = StepRun.objects.get(enrollment=enrollment)
    assert (step_run.status, step_run.outcome) == ("skipped", {"reason": "test_key"})
    enrollment.refresh_from_db()
    assert enrollment.status == Status.WAITING


@pytest.mark.django_db(transaction=True)
def test_an_enrollment_that_is_cancelled_while_its_webhook_is_called_stays_cancelled(
    person: Subscriber, travel: TimeTravel, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    is_called, may_answer = threading.Event(), threading.Event()

    def answer_late(client: socket.socket) -> None:
        client.recv(65536)
        is_called.set()
        may_answer.wait(10)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with listen(answer_late) as port:
        enrollment = begin(hook(person.workspace, port), person)
        with beside(travel.tick):
            assert is_called.wait(10)
            by_operator.cancel(enrollment=enrollment, now=NOON)
            may_answer.set()

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.due_at, enrollment.lease_token) == (
        Status.CANCELLED,
        None,
        None,
    )
    assert outcomes(enrollment) == []
