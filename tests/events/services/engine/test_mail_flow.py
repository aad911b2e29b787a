"""A stop of mail shows in the log, the metrics, the health and home pages and the doctor."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils.html import strip_tags
from pytest_django.fixtures import Settings

from events.models import Enrollment, Sequence
from events.services import doctor
from events.services.doctor import working
from events.wording.enrollments import why
from subscribers.admin import mail_words
from subscribers.models import MailFlow, OutgoingEmail, Workspace
from subscribers.services.audits.audits import Audit
from subscribers.services.outbox import flow
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome
from tests import factories
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_server import Fault, SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
LOG_IN_REFUSED = "535 5.7.8 Error: authentication failed"
AWAY = Delivery(DeliveryOutcome.DEFERRED, "Connection refused", is_unreachable=True)
SENT = Delivery(DeliveryOutcome.SENT, code=250)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[tuple[str, str]]]:
    """What the log says of mail, as levels and sentences."""
    said: list[tuple[str, str]] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append((record.levelname, record.getMessage()))

    logger, keeps = logging.getLogger("cueline.mail_flow"), Keeps()
    level = logger.level
    logger.addHandler(keeps)
    logger.setLevel(logging.INFO)
    yield said
    logger.removeHandler(keeps)
    logger.setLevel(level)


def metrics(client: Client) -> dict[str, float]:
    text = client.get("/metrics", HTTP_HOST="127.0.0.1:8000").content.decode()
    pairs = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("cueline_mail")]
    return {name: float(value) for name, value in pairs}


def mail_part(client: Client) -> dict[str, Any]:
    answer = client.get("/healthz/worker")
    assert answer.status_code == 200
    part: dict[str, Any] = answer.json()["mail"]
    return part


def found_by_doctor(travel: TimeTravel) -> list[str]:
    checks = [each for each in working.CHECKS if each.name == "mail flow"]
    (report,) = doctor.examine(audit=Audit(now=travel.now), checks=checks)
    return [finding.what for finding in report.findings]


@pytest.mark.parametrize(
    ("stage", "reply", "is_log_in"),
    [
        (Stage.GREETING, Fault.CLOSE, False),
        (Stage.GREETING, LOG_IN_REFUSED, True),
        (Stage.MAIL, LOG_IN_REFUSED, True),
    ],
)
def test_a_server_that_takes_no_mail_shows_everywhere_and_so_does_its_return(
    sequence: Sequence,
    server: SmtpServer,
    travel: TimeTravel,
    admin_client: Client,
    lines: list[tuple[str, str]],
    stage: Stage,
    reply: str | Fault,
    is_log_in: bool,
) -> None:
    kind = "login_refused" if is_log_in else "server_away"
    reason = f"mail_{kind}"
    words = f"the mail server {'refuses the log-in' if is_log_in else 'does not answer'}"
    enrollments = [enrollment_of(sequence, name) for name in ("ada", "bob", "cyd", "dan")]
    factories.WorkerFactory.create(ticked_at=NOON + 30 * SECOND, beat_at=NOON + 30 * SECOND)
    server.always(stage, reply)

    travel.run_for(30 * SECOND)

    with time_machine.travel(travel.now, tick=False):
        numbers, part = metrics(admin_client), mail_part(admin_client)
        (alarm,) = [each.text for each in admin_client.get("/admin/").context["alarms"]]
    (finding,) = found_by_doctor(travel)
    name = f"127.0.0.1:{server.port}"
    assert [level for level, _ in lines] == ["WARNING"]
    for text in (lines[0][1], finding):
        assert f"No mail has left by {name} since 2026-11-24 12:00 UTC: the server" in text
    assert f"No mail has left by {name} since 2026-11-24 12:00:00 UTC: the server" in strip_tags(
        alarm
    )
    assert "Mails that wait: 4." in alarm
    assert finding.endswith("mails that wait: 4")
    assert numbers["cueline_mail_blocked_seconds"] == 30
    assert numbers[f'cueline_mails_waiting{{reason="{reason}"}}'] == 4
    assert part == {"status": "failing", "blockedSeconds": 30, "waiting": 4, "kind": kind}
    for enrollment in enrollments:
        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.attempts) == (Enrollment.Status.ACTIVE, 0)
        assert why(enrollment).startswith(words)
    mail = OutgoingEmail.objects.get()
    assert (mail.status, mail.attempts, mail.reason) == ("queued", 0, reason)
    assert mail_words.why(mail).startswith(f"It waits: {words} (")
    assert mail_words.note(mail).startswith(f"{words} (")

    server.behave()
    travel.run_for(timedelta(minutes=1))

    factories.WorkerFactory.create(ticked_at=travel.now, beat_at=travel.now)
    with time_machine.travel(travel.now, tick=False):
        numbers, part = metrics(admin_client), mail_part(admin_client)
        assert admin_client.get("/admin/").context["alarms"] == []
    assert [level for level, _ in lines] == ["WARNING", "INFO"]
    assert f"Mail leaves again by {name}, after 35 s" in lines[1][1]
    assert set(numbers.values()) == {0}
    assert part == {"status": "ok", "blockedSeconds": 0, "waiting": 0, "kind": ""}
    assert found_by_doctor(travel) == []
    assert set(server.count.values()) == {1}
    assert len(server.taken) == 4
    assert MailFlow.objects.get().last_sent_at == NOON + 35 * SECOND


def test_one_deferred_mail_is_no_stop_but_many_in_a_row_are(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel, lines: list[tuple[str, str]]
) -> None:
    sequence = make_sequence(workspace, MAIL)
    enrollment_of(sequence, "ada")
    server.always(
        Stage.MESSAGE, "451 4.3.0 ada@example.com exceeded the maximum within a 24-hours period"
    )
    travel.tick()
    assert (flow.stops(now=travel.now), lines) == ([], [])

    for number in range(10):
        enrollment_of(sequence, f"more-{number}")
    travel.run_for(timedelta(minutes=2))

    (stop,) = flow.stops(now=travel.now)
    assert stop.kind is MailFlow.Kind.DEFERRED
    assert [level for level, _ in lines] == ["WARNING"]
    assert "(451 4.3.0 (address) exceeded the maximum within a 24-hours period)" in lines[0][1]


def test_a_refusal_of_one_recipient_says_nothing_of_the_server(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel
) -> None:
    for number in range(12):
        enrollment_of(sequence, f"p-{number}")
    server.always(Stage.RCPT, "550 5.1.1 No such user")

    travel.run_for(timedelta(minutes=1))

    assert flow.stops(now=travel.now) == []


def test_a_mail_that_is_put_off_for_an_hour_is_a_stop(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel, lines: list[tuple[str, str]]
) -> None:
    enrollment_of(make_sequence(workspace, MAIL), "ada")
    server.always(Stage.MESSAGE, "450 4.2.0 Greylisted")

    travel.run_for(timedelta(minutes=50))
    assert (flow.stops(now=travel.now), lines) == ([], [])
    travel.run_for(timedelta(hours=3))

    (stop,) = flow.stops(now=travel.now)
    assert stop.kind is MailFlow.Kind.DEFERRED
    assert [level for level, _ in lines] == ["WARNING"]


def test_one_line_for_all_workspaces_of_a_server_and_one_when_it_is_back(
    db: None, lines: list[tuple[str, str]]
) -> None:
    one, other = factories.WorkspaceFactory.create(), factories.WorkspaceFactory.create()
    for place in (one, other):
        flow.note(workspace_id=place.pk, delivery=AWAY, now=NOON)
    assert MailFlow.objects.filter(kind="server_away").count() == 2

    flow.note(workspace_id=one.pk, delivery=SENT, now=NOON + 20 * SECOND)
    flow.note(workspace_id=other.pk, delivery=SENT, now=NOON + 21 * SECOND)

    assert [level for level, _ in lines] == ["WARNING", "INFO"]
    assert flow.stops(now=NOON) == []


def test_a_server_that_comes_and_goes_does_not_fill_the_log(
    workspace: Workspace, lines: list[tuple[str, str]]
) -> None:
    for second in range(50):
        delivery = SENT if second % 2 else AWAY
        flow.note(workspace_id=workspace.pk, delivery=delivery, now=NOON + second * SECOND)

    assert [level for level, _ in lines] == ["WARNING", "INFO"]


def test_another_kind_of_failure_has_its_own_line(
    workspace: Workspace, lines: list[tuple[str, str]]
) -> None:
    refused = Delivery(DeliveryOutcome.DEFERRED, LOG_IN_REFUSED, 535, is_unreachable=True)
    flow.note(workspace_id=workspace.pk, delivery=AWAY, now=NOON)
    for seconds in (90, 180):
        now = NOON + seconds * SECOND
        flow.note(workspace_id=workspace.pk, delivery=refused, now=now)

    assert ["refuses the log-in" in text for _, text in lines] == [False, True]
    assert flow.stops(now=NOON)[0].since == NOON


def test_mail_that_flows_is_written_every_few_seconds_only(
    workspace: Workspace, django_assert_num_queries: Any
) -> None:
    flow.note(workspace_id=workspace.pk, delivery=SENT, now=NOON)

    with django_assert_num_queries(0):
        for second in range(10):
            flow.note(workspace_id=workspace.pk, delivery=SENT, now=NOON + second * SECOND)
    with django_assert_num_queries(2):
        flow.note(workspace_id=workspace.pk, delivery=SENT, now=NOON + 10 * SECOND)


def test_no_secret_is_in_the_name_of_a_server(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    assert flow.server_name() == "mailgun"

    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert flow.server_name() == "the mail folder"

    settings.EMAIL_BACKEND = "subscribers.services.outbox.smtp_backend.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "mail.example.com", 587
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = "secret"
    assert flow.server_name() == "mail.example.com:587"
