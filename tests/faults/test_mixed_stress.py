"""Everything at once: applications, a worker, hands and editors in the admin, people who leave.

`STRESS_SECONDS` (10) sets how long; with 60 it is the test of the releases:
`STRESS_SECONDS=60 uv run pytest tests/faults/test_mixed_stress.py -s`, which prints what was done.
"""

import logging
import os
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.test import Client

from events.models import Enrollment, Event, FailedStage, Sequence
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from events.services.engine import leftover_mails
from events.services.sequences import sequences
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.workspaces import workspaces
from tests.support import smtp_server
from tests.support.running import serving
from tests.support.slow_mail import url_of
from tests.support.smtp_server import SmtpServer
from tests.support.stressing import PEOPLE, Stress, confirm, now
from tests.support.working import Working

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]

SECONDS = int(os.environ.get("STRESS_SECONDS", "10"))
SECONDS_TO_SETTLE = 60
RULES = [
    RuleSpec(trigger_event="buy", add=["customer"], remove=["lead"]),
    RuleSpec(trigger_event="ask", add=["lead"], requires_not=["customer"]),
    RuleSpec(trigger_event="leave", remove=["customer"]),
]
OF_RULES = {"customer", "lead", "other"}
Status = Enrollment.Status
UNDER_WAY = Q(status__in=Enrollment.UNDER_WAY)
FREE = Q(lease_token=None, lease_expires_at=None)
LAWFUL = (
    Q(status=Status.ACTIVE, due_at__isnull=False)
    | Q(status=Status.WAITING, due_at__isnull=False)
    | Q(status=Status.PAUSED, due_at=None, paused_at__isnull=False) & ~Q(status_before_pause="")
    | Q(status=Status.WAITING_CONFIRMATION, due_at=None)
)
OVER = FREE & Q(due_at=None, awaits="", ended_at__isnull=False)
ONCE = Q(sequence__enrollment_mode=Sequence.Mode.ONE_TIME)


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server.running() as started:
        yield started


@pytest.fixture
def environment(server: SmtpServer) -> dict[str, str]:
    """The environment of processes that work on the test's own database."""
    name = connection.settings_dict["NAME"]
    is_sqlite = connection.vendor == "sqlite"
    database = os.environ.get("DATABASE_URL", "").rpartition("/")[0]
    url = f"sqlite:///{name}" if is_sqlite else f"{database}/{name}"
    told = {"DATABASE_URL": url, "LOG_LEVEL": "warning", "EMAIL_URL": url_of(server)}
    return {**os.environ, **told}


@pytest.fixture
def port(environment: dict[str, str]) -> Iterator[int]:
    """A web process."""
    with serving("config.rsgi:application", environment) as (number, _):
        yield number


@pytest.fixture
def working(environment: dict[str, str], tmp_path: Path) -> Iterator[Working]:
    """A worker."""
    begun = Working(environment, tmp_path / "worker")
    yield begun
    if begun.process.poll() is None:
        begun.process.send_signal(signal.SIGKILL)
        begun.process.wait()


def test_nothing_is_lost_or_refused_or_done_twice_under_everything_at_once(
    port: int, working: Working, server: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="cueline")
    workspace = workspaces.create(name="Acme", default_lists=["News"])
    editor = Client()
    editor.force_login(User.objects.create_superuser("editor"))
    rules = sync_rules.replace_all(workspace=workspace, specs=RULES)
    stress = Stress(port=port, workspace=workspace, rules=rules, editor=editor)
    deadlocks_before = deadlocks()

    until = time.monotonic() + SECONDS
    acts = stress.acts_at_once()
    with ThreadPoolExecutor(len(acts)) as together:
        for done in [together.submit(stress.repeat, act, until) for act in acts]:
            done.result()
    settle()
    assert working.stop() == 0

    say(stress, server)
    assert deadlocks() == deadlocks_before
    assert working.log.read_text() == ""
    assert set(stress.statuses) == {200}
    assert stress.statuses[200] > SECONDS
    assert Counter(Event.objects.values_list("event_id", flat=True)) == Counter(stress.sent)
    assert Subscriber.objects.count() <= PEOPLE
    assert not FailedStage.objects.exists()
    assert_tags_follow_from_effects()
    assert_enrollments_follow_from_effects()
    assert_enrollments_are_lawful()
    assert_mails_left_once(server)


def settle() -> None:
    """Let all that is held go on, and wait until nothing is left to do."""
    confirm(Subscriber.objects.values_list("pk", flat=True))
    for sequence in Sequence.objects.all():
        sequences.activate(sequence=sequence, now=now())
    give_up_at = time.monotonic() + SECONDS_TO_SETTLE
    while left := Enrollment.objects.filter(Q(due_at__lte=now()) | ~FREE).count():
        assert time.monotonic() < give_up_at, f"{left} enrollments are stuck."
        time.sleep(0.1)


def assert_tags_follow_from_effects() -> None:
    """Each tag was put on as often as it was taken off, or once more by those who bear it."""
    for person in Subscriber.objects.all():
        balance: Counter[str] = Counter()
        for effects in person.events.values_list("effects", flat=True):
            balance.update(each["tag"] for each in effects.get("tagsAdded", []))
            balance.subtract(each["tag"] for each in effects.get("tagsRemoved", []))
        bears = person.tag_links.filter(tag__name__in=OF_RULES).values_list("tag__name", flat=True)
        assert {tag: count for tag, count in balance.items() if count} == dict.fromkeys(bears, 1)


def assert_enrollments_follow_from_effects() -> None:
    """Every enrollment that an event says it started is there; the others began otherwise."""
    told: dict[str, list[str]] = {"sequencesStarted": [], "enrollmentsStopped": []}
    for effects in Event.objects.values_list("effects", flat=True):
        for key, found in told.items():
            found += [each["enrollment"] for each in effects.get(key, [])]
    by_events = Enrollment.objects.filter(started_by__isnull=False)
    assert Counter(told["sequencesStarted"]) == Counter(
        enrollment.hex for enrollment in ids_of(by_events)
    )
    by_condition = Enrollment.objects.filter(status=Status.STOPPED, reason="stop_condition")
    assert set(told["enrollmentsStopped"]) <= {
        enrollment.hex for enrollment in ids_of(by_condition)
    }
    assert len(set(told["enrollmentsStopped"])) == len(told["enrollmentsStopped"])


def assert_enrollments_are_lawful() -> None:
    """Nobody is twice in one place, and nothing is where nobody gets it on."""
    enrollments = Enrollment.objects.all()
    assert not enrollments.filter(UNDER_WAY).exclude(LAWFUL & FREE).exists()
    assert not enrollments.exclude(UNDER_WAY).exclude(OVER).exists()
    assert not enrollments.filter(UNDER_WAY, entry_slot=None).exists()
    assert not enrollments.filter(~UNDER_WAY & ~ONCE, entry_slot__isnull=False).exists()
    places = ("sequence", "subscriber", "entry_key")
    for held in (enrollments.filter(UNDER_WAY), enrollments.filter(ONCE)):
        crowded = held.values(*places).annotate(count=Count("pk")).filter(count__gt=1)
        assert not crowded.exists()


def assert_mails_left_once(server: SmtpServer) -> None:
    """Every mail that left is known, left once, and is told by one step of one enrollment."""
    # Who is pending is asked to confirm; those mails wait, since the workspace has no from address.
    of_enrollments = OutgoingEmail.objects.exclude(kind=OutgoingEmail.Kind.CONFIRMATION)
    mails = of_enrollments.annotate(told=Count("step_runs"))
    sent = mails.filter(status=OutgoingEmail.Status.SENT)
    # One that the server put off waits while its enrollment is paused, and is skipped once that is
    # over.
    leftover_mails.skip_left()
    for mail in mails.exclude(status__in=["sent", "skipped"]):
        enrollment = Enrollment.objects.get(pk=mail.cause.split(":")[1])
        assert (mail.status, enrollment.status) == ("queued", "paused"), (
            mail.status,
            enrollment.status,
        )
    assert set(server.count.values()) == {1}
    assert {each for each, _ in server.count} == set(sent.values_list("message_id", flat=True))
    assert not sent.exclude(told=1, attempts=1).exists()


def ids_of(enrollments: QuerySet[Enrollment]) -> list[uuid.UUID]:
    """Return the ids of enrollments."""
    return list(enrollments.values_list("pk", flat=True))


def say(stress: Stress, server: SmtpServer) -> None:
    """Print what was done."""
    by_status = Counter(Enrollment.objects.values_list("status", flat=True))
    lines = [
        f"{stress.statuses.total()} requests, {len(stress.sent)} events, {len(server.taken)} mails",
        f"runs: {dict(by_status)}",
        f"acts: {dict(stress.acts)}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def deadlocks() -> int:
    """Return how many deadlocks PostgreSQL has ended in this database."""
    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        row: tuple[int] = cursor.fetchone()
        return row[0]
