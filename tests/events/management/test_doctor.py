"""`doctor`: what it prints and how it ends."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from events import enqueue
from events.enqueue import TaskCall
from events.management.commands import doctor
from events.models import Enrollment
from subscribers.services.audits.audits import Audit
from tests import factories

pytestmark = pytest.mark.django_db


def run(*options: str) -> tuple[int, str]:
    """Return how the command ended, and what it printed."""
    output = io.StringIO()
    code = 0
    try:
        call_command("doctor", *options, stdout=output)
    except SystemExit as ended:
        code = int(str(ended.code))
    return code, output.getvalue()


def enrollment_json(*options: str) -> tuple[int, dict[str, Any]]:
    code, printed = run("--json", *options)
    answer: dict[str, Any] = json.loads(printed)
    return code, answer


@pytest.fixture
def _worker() -> None:
    """A worker that is alive now."""
    now = timezone.now()
    factories.WorkerFactory.create(ticked_at=now, beat_at=now)


def plant() -> Enrollment:
    """Return an enrollment that waits for somebody active."""
    return factories.EnrollmentFactory.create(
        status=Enrollment.Status.WAITING_CONFIRMATION, due_at=None
    )


@pytest.mark.usefixtures("_worker")
def test_warnings_alone_are_healthy() -> None:
    factories.WorkspaceFactory.create(is_mail_paused=True)

    code, printed = run()

    assert code == 0
    assert "\n  warning  paused" in printed
    assert printed.splitlines()[-1].startswith("Healthy: ")
    assert "0 problem" not in printed


@pytest.mark.usefixtures("_worker")
def test_a_problem_is_said_with_an_example_and_what_to_do() -> None:
    planted = plant()

    code, printed = run()

    assert code == 1
    assert f"(waiting for confirmation) (1, {planted.public_id})." in printed
    assert "  1. Enrollments, confirmed: Enrollments wait for the confirmation" in printed
    assert "     Pause the enrollment and resume it" in printed
    assert "Not healthy: " in printed.splitlines()[-1]


@pytest.mark.usefixtures("_worker")
def test_json_has_every_check_and_finding() -> None:
    planted = plant()

    code, answer = enrollment_json()

    found = [each for each in answer["checks"] if each["level"] == "problem"]
    assert (code, answer["healthy"], answer["problems"]) == (1, False, 1)
    assert len(answer["checks"]) > 40
    assert [each["name"] for each in found] == ["confirmed"]
    (finding,) = found[0]["findings"]
    assert (finding["count"], finding["isAtLeast"]) == (1, False)
    assert finding["example"] == planted.public_id
    assert finding["remedy"]


@pytest.mark.usefixtures("_worker")
def test_one_workspace_is_looked_at_alone() -> None:
    planted = plant()
    other = factories.WorkspaceFactory.create()

    assert enrollment_json("--workspace", planted.workspace.slug)[0] == 1
    assert enrollment_json("--workspace", other.slug)[0] == 0


def test_a_workspace_that_is_not_there_is_said() -> None:
    with pytest.raises(CommandError, match="no workspace with the slug 'nowhere'"):
        run("--workspace", "nowhere")


@pytest.mark.usefixtures("_worker")
def test_all_rows_are_looked_at_when_asked_for() -> None:
    plant()

    assert enrollment_json("--full")[0] == 1


def test_a_queue_that_nobody_empties_is_found() -> None:
    call = TaskCall("events.tasks.advance", ())
    batches = doctor.MOST_BATCHES + 1
    enqueue.put(calls=[(enqueue.Lane.MARKETING, call)] * batches)

    (finding,) = doctor.queue(Audit(now=timezone.now()))

    assert (finding.what, finding.count) == ("Batches pile up in the queue", batches)
