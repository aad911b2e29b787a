"""The outbox by day and reason: each number leads to exactly its mails, in constant statements."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config import admin_scanning
from config.admin_base import list_url
from config.admin_links import page_url
from events.models import Enrollment, Sequence, Step, StepRun
from events.services.counts import outbox_lines, step_roll_ups
from subscribers.admin.outbox_numbers import PAGE
from subscribers.ids import first_id_at
from subscribers.models import OutgoingEmail
from tests import factories
from tests.config.test_workspace_choice import choose

Status = OutgoingEmail.Status
HOSTILE = '"><script>alert(1)</script>'

pytestmark = pytest.mark.django_db


def page_of(client: Client, days: str = "7") -> Any:
    answer = client.get(reverse(PAGE), {"days": days})
    assert answer.status_code == 200
    return answer


def lines(client: Client, days: str = "7") -> dict[tuple[str, str, str], Any]:
    """Return the cells of what did not leave, by status, reason and sequence."""
    shown = page_of(client, days).context["unsent"]
    return {(each.status, each.reason, each.sequence): each.cell for each in shown}


def listed(client: Client, address: str) -> list[Any]:
    answer = client.get(address, follow=True)
    assert not list(answer.context["messages"])
    return sorted(row.pk for row in answer.context["cl"].result_list)


def mail_step(name: str = "Trial") -> Step:
    return factories.StepFactory.create(
        kind=Step.Kind.EMAIL, key="mail", version__sequence__name=name
    )


def mail(step: Step | None = None, *, at: datetime | None = None, **columns: Any) -> OutgoingEmail:
    """Make a mail of a step, or one without a sequence."""
    moment = at or timezone.now()
    row_id = first_id_at(moment + timedelta(milliseconds=OutgoingEmail.objects.count()))
    cause = f"confirmation:{row_id.hex}:0"
    if step:
        cause = f"step:{row_id.hex}:{step.pk.hex}:1"
        columns.setdefault("subscriber__workspace", step.workspace)
    return factories.OutgoingEmailFactory.create(
        pk=row_id, cause=cause, created_at=moment, **columns
    )


def test_each_number_of_what_failed_leads_to_exactly_those_mails(admin_client: Client) -> None:
    trial, other = mail_step(), mail_step("Other")
    gone = [mail(trial, failed=True, last_error=f"550 5.1.1 <{n}@x.eu> no user") for n in "abc"]
    full = mail(trial, failed=True, last_error="552 5.2.2 Mailbox full, 7 MB over")
    full_elsewhere = mail(other, failed=True, last_error="552 5.2.2 Mailbox full, 9 MB over")
    no_answer = mail(unknown=True, last_error="Connection reset")
    mail(trial, failed=True, at=timezone.now() - timedelta(days=8), last_error="550 5.1.1 <old>")
    mail(trial, sent=True)

    found = lines(admin_client)

    expected = {
        ("failed", "550 5.1.1", "Trial"): gone,
        ("failed", "552 5.2.2 Mailbox full,", "Trial"): [full],
        ("failed", "552 5.2.2 Mailbox full,", "Other"): [full_elsewhere],
        ("unknown", "Connection reset", "no sequence"): [no_answer],
    }
    assert {key: int(cell.number) for key, cell in found.items()} == {
        key: len(mails) for key, mails in expected.items()
    }
    for key, mails in expected.items():
        assert listed(admin_client, found[key].address) == sorted(each.pk for each in mails)


def test_yesterday_is_a_day_of_its_own(admin_client: Client) -> None:
    today = datetime.now(tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    step = mail_step()
    yesterday = mail(step, failed=True, at=today - timedelta(seconds=1))
    mail(step, failed=True, at=today)

    found = lines(admin_client, "yesterday")

    (cell,) = found.values()
    assert cell.number == "1"
    assert listed(admin_client, cell.address) == [yesterday.pk]


def test_sent_and_skipped_ones_are_those_of_the_roll_ups(admin_client: Client) -> None:
    step = mail_step()
    sent, opened = mail(step, sent=True), mail(step, sent=True)
    enrollment = factories.EnrollmentFactory.create(
        version=step.version, step=step, subscriber=sent.subscriber
    )
    for number, email in enumerate((sent, opened), start=1):
        factories.StepRunFactory.create(enrollment=enrollment, email=email, visit=number)
    factories.StepRunFactory.create(
        enrollment=enrollment,
        visit=3,
        status=StepRun.Status.SKIPPED,
        outcome={"reason": "subscriber_unsubscribed"},
    )
    skipped = mail(skipped=True, reason="confirmation_closed", kind="confirmation")
    now = timezone.now()
    factories.MailActivityFactory.create(email=opened, kind="opened", quality="human", at=now)
    factories.MailActivityFactory.create(email=sent, kind="opened", quality="machine", at=now)
    step_roll_ups.roll_up(now=now)

    page = page_of(admin_client)
    found = lines(admin_client)

    (line,) = page.context["sent"]
    assert line.sequence == "Trial"
    assert [cell.number for cell in line.cells] == ["2", "0", "1", "0", "0", "0"]
    assert listed(admin_client, line.cells[0].address) == sorted([sent.pk, opened.pk])
    assert listed(admin_client, line.cells[2].address) == [opened.pk]
    before = found["skipped", "the person has unsubscribed", "Trial"]
    assert before.number == "1"
    assert before.address == f"{page_url(step.version.sequence)}?days=7"
    closed = next(cell for key, cell in found.items() if key[2] == "no sequence")
    assert listed(admin_client, closed.address) == [skipped.pk]


def test_what_waits_is_shown_by_reason_and_leads_to_its_rows(admin_client: Client) -> None:
    step = mail_step()
    held = factories.EnrollmentFactory.create(
        version=step.version, step=step, reason="mail_server_away"
    )
    due = factories.EnrollmentFactory.create(version=step.version, step=step)
    queued = mail(reason="mail_deferred", kind="confirmation")
    factories.EnrollmentFactory.create()

    waiting = {words: rest for words, *rest in page_of(admin_client).context["waiting"]}

    enrollments = waiting["the mail server does not answer"][1]
    assert enrollments.number == "1"
    assert listed(admin_client, enrollments.address) == [held.pk]
    assert listed(admin_client, waiting["they only wait for a worker"][1].address) == [due.pk]
    assert listed(admin_client, waiting["the mail server deferred the mail"][0].address) == [
        queued.pk
    ]


def test_a_dead_mail_server_is_named_with_its_moment(admin_client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "subscribers.services.outbox.smtp_backend.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp.example.com", 587
    since = timezone.now() - timedelta(hours=2)
    factories.MailFlowFactory.create(
        server="smtp.example.com:587",
        kind="server_away",
        failing_since=since,
        last_failed_at=timezone.now(),
        error="Connection refused",
    )

    page = page_of(admin_client).content.decode()

    assert "No mail has left by smtp.example.com:587 since <time" in page
    assert f"{since:%Y-%m-%d %H:%M:%S} UTC" in page
    assert "Connection refused" in page
    assert "/docs/mail/#when-mail-stops" in page


def test_the_alarm_about_it_leads_to_the_page(admin_client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "subscribers.services.outbox.smtp_backend.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp.example.com", 587
    now = timezone.now()
    factories.MailFlowFactory.create(
        server="smtp.example.com:587", kind="server_away", failing_since=now, last_failed_at=now
    )

    (alarm,) = [
        each
        for each in admin_client.get("/admin/").context["alarms"]
        if "No mail has left" in each.text
    ]

    assert alarm.address == reverse(PAGE)
    assert alarm.link == "Since when, and what waits"


def test_outsiders_words_are_escaped(admin_client: Client) -> None:
    step = mail_step(HOSTILE)
    mail(step, failed=True, last_error=f"550 {HOSTILE}")
    Sequence.objects.update(status="active")

    page = page_of(admin_client).content.decode()
    (cell,) = lines(admin_client).values()
    answer = admin_client.get(cell.address)

    assert "<script>alert" not in page
    assert "<script>alert" not in answer.content.decode()
    assert len(answer.context["cl"].result_list) == 1


def test_the_chosen_workspace_narrows_every_number(admin_client: Client) -> None:
    ours, theirs = mail_step("Ours"), mail_step("Theirs")
    mail(ours, failed=True)
    mail(theirs, failed=True)
    choose(admin_client, ours.workspace)

    found = lines(admin_client)

    assert [key[2] for key in found] == ["Ours"]
    assert len(listed(admin_client, next(iter(found.values())).address)) == 1


def test_the_page_costs_the_same_however_much_failed(admin_client: Client) -> None:
    mail(mail_step(), failed=True)
    page_of(admin_client)
    with CaptureQueriesContext(connection) as few:
        page_of(admin_client)
    for number in range(5):
        step = mail_step(f"Sequence {number}")
        mail(step, failed=True, last_error=f"{550 + number} no")
        mail(step, unknown=True)
        factories.EnrollmentFactory.create(version=step.version, step=step)
    with CaptureQueriesContext(connection) as many:
        page_of(admin_client)

    assert len(many) == len(few) <= 20
    assert not [
        each["sql"] for each in many if "COUNT(*)" in each["sql"] and "LIMIT" not in each["sql"]
    ]


def test_more_failures_than_are_read_are_said(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_lines, "MOST_READ", 2)
    step = mail_step()
    for _ in range(3):
        mail(step, failed=True)

    page = page_of(admin_client)

    assert "more than 2 mails of the status “failed”" in page.content.decode()
    assert [cell.number for cell in lines(admin_client).values()] == ["2"]


@pytest.mark.parametrize("days", ["", "9", "x", "7' --", "-1"])
def test_an_unknown_period_shows_the_week(admin_client: Client, days: str) -> None:
    shown = page_of(admin_client, days).context["periods"]

    assert [words for words, _, is_shown in shown if is_shown] == ["7 days"]


def test_the_page_is_for_those_who_may_see_the_outbox(client: Client) -> None:
    person = User.objects.create(username="intern", is_staff=True)
    client.force_login(person)
    refused = client.get(reverse(PAGE)).status_code
    person.user_permissions.add(Permission.objects.get(codename="view_outgoingemail"))

    assert refused == 403
    assert client.get(reverse(PAGE)).status_code == 200
    assert client.post(reverse(PAGE)).status_code == 405


@pytest.mark.parametrize(
    ("filters", "is_found"),
    [
        ({"activity": "opened"}, False),
        ({"activity": "machine"}, True),
        ({"activity": "delivered"}, True),
        ({"activity": "none"}, False),
        ({"because": "none"}, True),
        ({"because": "test_key"}, False),
        ({"sequence": "none"}, True),
        ({"error": "451"}, True),
        ({"error": "a"}, False),
    ],
)
def test_the_list_is_filtered_by_what_became_of_a_mail(
    admin_client: Client, filters: dict[str, str], is_found: bool
) -> None:
    email = mail(sent=True, last_error="451 once", kind="confirmation")
    factories.MailActivityFactory.create(email=email)
    factories.MailActivityFactory.create(email=email, kind="opened", quality="machine")

    found = listed(admin_client, list_url(OutgoingEmail, **filters))

    assert found == [email.pk] * is_found


@pytest.mark.parametrize("filters", [{"sequence": "x"}, {"activity": "x"}, {"sequence": "\0"}])
def test_an_unusable_filter_is_left_out_with_a_notice(
    admin_client: Client, filters: dict[str, str]
) -> None:
    mail()

    answer = admin_client.get(list_url(OutgoingEmail, **filters), follow=True)

    assert answer.status_code == 200
    assert len(answer.context["cl"].result_list) == 1


def test_a_rare_sequence_is_looked_for_bit_by_bit(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_scanning, "MOST_LOOKED_AT", 2)
    step = mail_step()
    wanted = mail(step, at=timezone.now() - timedelta(hours=1))
    for _ in range(3):
        mail()

    answer = admin_client.get(list_url(OutgoingEmail, sequence=step.version.sequence_id.hex))
    older = admin_client.get(list_url(OutgoingEmail) + answer.context["cl"].older)

    assert "Looked at 2 mails, back to" in answer.content.decode()
    assert list(answer.context["cl"].result_list) == []
    assert [row.pk for row in older.context["cl"].result_list] == [wanted.pk]


def test_enrollments_with_another_hold_are_not_listed(admin_client: Client) -> None:
    factories.EnrollmentFactory.create(reason="mail_server_away")

    assert listed(admin_client, list_url(Enrollment, held="mail_server_away")) == []
