"""A restored copy on hold: nothing is claimed, queued, imported; people are told, and resume it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from events.models import Enrollment
from events.services import doctor
from events.services.engine import claiming
from events.worker import rounds
from subscribers.models import Installation, OutgoingEmail, Subscriber, Workspace
from subscribers.services.audits.audits import Audit
from subscribers.services.workspaces import installation
from tests import factories
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db
RESUME = "/admin/subscribers/installation/1/resume/"


@pytest.fixture
def due(db: None) -> None:
    """A mail and an enrollment that are due."""
    factories.EnrollmentFactory.create(due_at=NOON)
    factories.OutgoingEmailFactory.create(due_at=NOON)


@pytest.fixture
def held(db: None) -> Installation:
    return Installation.objects.create(secret_key_fingerprint="0" * 64, on_hold_since=NOON)


def claimed() -> tuple[int, int]:
    """Return how many enrollments and mails are claimed."""
    mails = OutgoingEmail.objects.filter(lease_token__isnull=False)
    return Enrollment.objects.filter(lease_token__isnull=False).count(), mails.count()


def test_nothing_is_claimed_until_it_is_resumed(due: None, held: Installation) -> None:
    assert rounds.queue_due(now=NOON, processes=1).tasks == 0
    assert claiming.claim_due(now=NOON, most_batches=9) == []
    assert claimed() == (0, 0)

    assert installation.resume()

    assert rounds.queue_due(now=NOON, processes=1).tasks == 2
    assert claimed() == (1, 1)
    assert not installation.resume()


def test_an_installation_that_is_not_held_works(due: None) -> None:
    Installation.objects.create(secret_key_fingerprint="0" * 64)

    assert rounds.queue_due(now=NOON, processes=1).tasks == 2


def test_no_file_is_imported_meanwhile(
    workspace: Workspace, held: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email\nada@example.com\n")
    command = ["import_subscribers", str(file), f"--workspace={workspace.slug}", "--quiet"]

    with pytest.raises(CommandError, match="resume before you import"):
        call_command(*command)
    call_command("resume")
    call_command(*command)

    assert Subscriber.objects.filter(workspace=workspace).count() == 1


def test_people_are_told(admin_client: Client, client: Client, held: Installation) -> None:
    now = datetime.now(tz=UTC)
    factories.WorkerFactory.create(ticked_at=now, beat_at=now)

    health = client.get("/healthz/worker")
    alarm = admin_client.get("/admin/").context["alarms"][0]
    reports = doctor.examine(audit=Audit(now=now), checks=doctor.SURROUNDINGS)
    found = [report for report in reports if report.check.name == "hold"]

    assert (health.status_code, health.json()["workers"]) == (503, 1)
    assert health.json()["reason"].startswith("A restored copy on hold")
    assert alarm.text.startswith("This is a restored copy on hold")
    assert "Resume" in admin_client.get(alarm.address).content.decode()
    assert "restored copy" in found[0].findings[0].what


def test_an_operator_resumes_it_with_a_log_entry(admin_client: Client, held: Installation) -> None:
    answer = admin_client.post(RESUME, follow=True)

    assert "Resumed: due work goes out now." in answer.content.decode()
    assert installation.on_hold_since() is None
    assert admin_client.get("/admin/subscribers/installation/1/history/").content.count(b"Resumed")


def test_a_get_and_a_stranger_do_not(
    client: Client, admin_client: Client, held: Installation
) -> None:
    assert admin_client.get(RESUME).status_code == 405
    assert client.post(RESUME).status_code == 302

    assert installation.on_hold_since() == NOON
