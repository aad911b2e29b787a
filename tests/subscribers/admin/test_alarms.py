"""The alarms of the home page: shown at once to users who may see their subject."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from config.admin_base import list_url
from events.models import Worker
from subscribers.models import OutgoingEmail
from tests import factories

HOME = "/admin/"


def alarms(client: Client) -> list[str]:
    """Return the alarms that the home page shows, and what needs somebody."""
    page = client.get(HOME)
    return [alarm.text for alarm in (*page.context["alarms"], *page.context["needs"])]


@pytest.fixture
def worker(db: None) -> Worker:
    """A host that works now."""
    now = timezone.now()
    made: Worker = factories.WorkerFactory.create(ticked_at=now, beat_at=now)
    return made


def test_nothing_is_said_when_all_is_well(admin_client: Client, worker: Worker) -> None:
    factories.OutgoingEmailFactory.create(failed=True)
    factories.AskedHourFactory.create(starts_at=timezone.now(), mails=200)

    page = admin_client.get(HOME)

    assert page.context["alarms"] == []
    assert "cueline-alarms" not in page.content.decode()


@pytest.mark.parametrize(
    ("silent_for", "words"),
    [(timedelta(minutes=5), "No worker has reported for 30"), (timedelta(0), None)],
)
def test_a_silent_worker_raises_an_alarm(
    admin_client: Client, worker: Worker, silent_for: timedelta, words: str | None
) -> None:
    Worker.objects.update(ticked_at=timezone.now() - silent_for)

    page = admin_client.get(HOME).content.decode()

    assert ("No mail is sent, and no enrollment moves on." in page) == bool(words)
    assert (words or "") in page
    assert (list_url(Worker) + '">Workers' in page) == bool(words)


def test_no_worker_at_all_raises_an_alarm(admin_client: Client, db: None) -> None:
    assert alarms(admin_client) == ["No mail is sent, and no enrollment moves on. No worker runs."]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"scope": "domain", "subject": "corp.example"}, "Too many confirmations to corp.example"),
        ({"scope": "key", "subject": "cue_abc"}, "Too many confirmations by the API key cue_abc"),
        ({"scope": "all"}, "Too many confirmations in all"),
    ],
)
def test_a_breaker_that_delays_raises_an_alarm_with_its_numbers(
    admin_client: Client, worker: Worker, columns: dict[str, Any], words: str
) -> None:
    factories.AskedHourFactory.create(
        starts_at=timezone.now() - timedelta(minutes=30), mails=1200, delayed=57, **columns
    )

    page = admin_client.get(HOME).content.decode()

    assert words in page
    assert "1,200 sent, 57 delayed." in page
    assert "kind__exact=confirmation&amp;status__exact=queued" in page


def test_a_breaker_of_yesterday_raises_no_alarm(admin_client: Client, worker: Worker) -> None:
    factories.AskedHourFactory.create(starts_at=timezone.now() - timedelta(hours=4), delayed=57)

    assert alarms(admin_client) == []


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 mail was handed over"), (2, "2 mails were handed over")]
)
def test_unknown_mails_are_counted(
    admin_client: Client, worker: Worker, count: int, words: str
) -> None:
    for _ in range(count):
        factories.OutgoingEmailFactory.create(unknown=True)

    page = admin_client.get(HOME).content.decode()

    assert words in page
    assert list_url(OutgoingEmail, status__exact="unknown") in page


@pytest.mark.parametrize(
    ("codename", "count"), [("view_worker", 1), ("view_outgoingemail", 2), ("view_tag", 0)]
)
def test_alarms_are_for_those_who_may_look_at_what_they_are_about(
    client: Client, db: None, codename: str, count: int
) -> None:
    factories.OutgoingEmailFactory.create(unknown=True)
    factories.AskedHourFactory.create(starts_at=timezone.now(), delayed=1)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(person)

    assert len(alarms(client)) == count


def test_guessing_from_everywhere_raises_an_alarm(
    admin_client: Client, worker: Worker, settings: Settings
) -> None:
    settings.LOGIN_FAILURES_IN_ALL = 10
    factories.SignInFactory.create_batch(9)
    assert alarms(admin_client) == []

    factories.SignInFactory.create()

    assert "Too many wrong passwords from many addresses" in alarms(admin_client)[0]
