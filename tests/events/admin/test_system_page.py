"""The System page and the doctor by button: for operators, without secrets, in constant queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.admin_base import admin_url, list_url
from events.admin import system
from events.models import SystemDay, Worker
from tests import factories

SYSTEM, DOCTOR = reverse("system"), reverse("doctor")

pytestmark = pytest.mark.django_db


def page_of(client: Client, address: str = SYSTEM) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer


def facts(client: Client, name: str) -> dict[str, Any]:
    return {fact.name: fact for fact in page_of(client).context[name]}


def test_each_host_says_whether_and_since_when_it_works(admin_client: Client) -> None:
    now = timezone.now()
    two_hours = now - timedelta(hours=2, minutes=5)
    factories.WorkerFactory.create(host="fine", ticked_at=now, beat_at=now)
    factories.WorkerFactory.create(host="stuck", ticked_at=now, beat_at=two_hours)
    gone = factories.WorkerFactory.create(host="gone", ticked_at=two_hours)
    factories.WorkerFactory.create(host="ended", ticked_at=two_hours, stopped_at=two_hours)
    factories.WorkerFactory.create(host="<b>", ticked_at=None, started_at=two_hours)

    page = page_of(admin_client)
    listed = admin_client.get(list_url(Worker)).content.decode()
    own = admin_client.get(admin_url(gone)).content.decode()

    states = {each["host"]: (each["kind"], each["state"]) for each in page.context["workers"]}
    assert states == {
        "fine": ("works", "works"),
        "stuck": ("idle", "ticks, but finishes no task"),
        "gone": ("silent", "silent; it last reported 2\xa0hours ago"),
        "ended": ("stopped", "stopped 2\xa0hours ago"),
        "<b>": ("silent", "silent; it last reported 2\xa0hours ago"),
    }
    assert "silent; it last reported 2" in listed
    assert "silent; it last reported 2" in own
    assert "<b></a>" not in page.content.decode()


def test_what_waits_is_counted_and_leads_to_its_list(admin_client: Client) -> None:
    since = datetime(2026, 11, 24, 12, tzinfo=UTC)
    factories.OutgoingEmailFactory.create(created_at=since)
    factories.OutgoingEmailFactory.create(unknown=True)
    factories.EnrollmentFactory.create(due_at=timezone.now() - timedelta(hours=1))

    found = facts(admin_client, "queue")

    assert "2026-11-24 12:00:00 UTC" in found["Oldest queued mail"].words
    assert found["Mails of unknown delivery"].words == "1"
    assert found["Mails of unknown delivery"].is_bad
    assert str(found["Enrollments due"].words).startswith("1, the first since <time")
    unknown = admin_client.get(found["Mails of unknown delivery"].address)
    assert len(unknown.context["cl"].result_list) == 1


def test_sizes_growth_and_what_was_deleted_are_shown(admin_client: Client) -> None:
    today = timezone.now().astimezone(UTC).date()
    day = timedelta(days=1)
    SystemDay.objects.create(day=today - 10 * day, database_bytes=1024, deleted_rows=7)
    SystemDay.objects.create(day=today, database_bytes=4 * 1024 * 1024)

    page = page_of(admin_client)
    found = {fact.name: str(fact.words) for fact in page.context["sizes"]}

    assert found["Growth"].endswith(f"since {today - 10 * day}")
    assert found["Deleted last"] == f"7 old counts and reports, on {today - 10 * day}"
    assert "Free on the disk of DATA_DIR" in found
    assert "Database in MB, by day" in page.content.decode()
    assert (
        any(name == "subscribers_workspace" for name, _, _ in page.context["tables"])
        or len(page.context["tables"]) == 12
    )


def test_no_secret_is_on_the_page_or_in_the_doctor_s_answer(
    admin_client: Client, settings: Any
) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "relay-user", "relay-secret"
    secrets = [
        "relay-secret",
        "relay-user",
        django_settings.SECRET_KEY,
        str(connection.settings_dict.get("PASSWORD") or "relay-secret"),
    ]

    shown = page_of(admin_client).content.decode()
    answer = admin_client.post(DOCTOR).content.decode()

    assert "PUBLIC_URL" in shown
    assert not [each for each in secrets if each in shown or each in answer]


def test_the_page_costs_the_same_however_many_rows_there_are(admin_client: Client) -> None:
    factories.WorkerFactory.create()
    page_of(admin_client)
    with CaptureQueriesContext(connection) as few:
        page_of(admin_client)
    for _ in range(5):
        factories.WorkerFactory.create()
        factories.OutgoingEmailFactory.create()
        factories.EnrollmentFactory.create()
        factories.EventFactory.create()
    with CaptureQueriesContext(connection) as many:
        page_of(admin_client)

    assert len(many) == len(few) <= 40


def test_the_doctor_says_what_to_do_without_a_worker(admin_client: Client) -> None:
    answer = admin_client.post(DOCTOR)
    page = answer.content.decode()

    assert answer.status_code == 200
    assert "Not healthy" in page
    assert "No worker runs" in page
    assert "Start one: manage.py worker" in page
    levels = [each["level"] for each in answer.context["findings"]]
    assert levels == sorted(levels)
    assert not answer.context["left_out"]


def test_a_slow_doctor_ends_and_says_what_was_left_out(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "DOCTOR_SECONDS", -1.0)

    answer = admin_client.post(DOCTOR)

    assert len(answer.context["checks"]) == 1
    assert "were not run. Run manage.py doctor" in answer.content.decode()


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("support", 403), ("marketer", 403), ("operator", 200)]
)
def test_both_are_for_operators(client: Client, role: str, status: int) -> None:
    person = User.objects.create(username=role, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    client.force_login(person)

    assert client.get(SYSTEM).status_code == status
    assert client.post(DOCTOR).status_code == status
    home = client.get("/admin/").content.decode()
    assert (f'href="{SYSTEM}"' in home) is (status == 200)


def test_the_doctor_takes_a_post_with_csrf_alone(
    admin_client: Client, admin_user: User, client: Client
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)

    assert admin_client.get(DOCTOR).status_code == 405
    assert admin_client.post(SYSTEM).status_code == 405
    assert strict.post(DOCTOR).status_code == 403
    assert client.get(SYSTEM).status_code == 302
