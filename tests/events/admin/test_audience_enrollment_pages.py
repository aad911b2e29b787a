"""A mass enrollment is counted, started now or later, watched and cancelled by its pages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.admin_base import admin_url, list_url, view_url
from events.admin.audience_enrollment import plan_address
from events.models import AudienceEnrollment, Enrollment, Sequence
from events.services.enrollments import by_segment
from subscribers.models import Segment, Workspace
from tests import factories
from tests.support.segment_making import make_segment, tagged
from tests.support.sequence_making import MAIL, make_sequence

START = "/admin/events/audienceenrollment/start/"
Status = AudienceEnrollment.Status


@pytest.fixture
def segment(workspace: Workspace) -> Segment:
    tagged(workspace, 3)
    tagged(workspace, 1, unsubscribed=True)
    return make_segment(workspace)


@pytest.fixture
def sequence(workspace: Workspace) -> Sequence:
    return make_sequence(workspace, MAIL, name="News", trigger="manual")


def chosen(segment: Segment, sequence: Sequence, **more: str) -> dict[str, str]:
    return {"segment": segment.pk.hex, "sequence": sequence.pk.hex, **more}


def test_the_pages_lead_to_the_numbers(
    admin_client: Client, segment: Segment, sequence: Sequence
) -> None:
    for row, name in ((segment, "enrolling"), (sequence, "enrolling-segment")):
        offered = [
            action.name for action, _ in admin_client.get(admin_url(row)).context["row_actions"]
        ]
        answer = admin_client.get(view_url(row, name), follow=True)
        assert name in offered
        assert answer.status_code == 200

    answer = admin_client.get(plan_address(**chosen(segment, sequence)))

    found = answer.context["estimate"]
    assert (str(found.matching), str(found.enrollable), str(found.already_enrolled)) == (
        "4", "3", "0",
    )  # fmt: skip
    assert "Enroll them" in answer.content.decode()
    assert not AudienceEnrollment.objects.exists()
    assert not Enrollment.objects.exists()


def test_a_run_is_started_and_watched(
    admin_client: Client, segment: Segment, sequence: Sequence
) -> None:
    answer = admin_client.post(
        START, chosen(segment, sequence, when="now", hours="0", estimated="4"), follow=True
    )

    (run,) = AudienceEnrollment.objects.all()
    assert answer.redirect_chain[-1][0] == admin_url(run)
    assert "0 of about 4 entered" in answer.content.decode()
    by_segment.advance_due(clock=lambda: timezone.now() + timedelta(seconds=1))
    page = admin_client.get(admin_url(run)).content.decode()
    assert "3 entered, 1 did not" in page
    assert "1: the person has unsubscribed" in page
    assert "Completed" in admin_client.get(list_url(AudienceEnrollment)).content.decode()
    (entry,) = LogEntry.objects.all()
    assert entry.get_change_message() == "Started, now, all at once"


def test_a_run_begins_in_the_workspace_s_zone(
    admin_client: Client, workspace: Workspace, segment: Segment, sequence: Sequence
) -> None:
    workspace.timezone = "Europe/Prague"
    workspace.save()
    tomorrow = timezone.now().astimezone(UTC).date() + timedelta(days=1)

    page = admin_client.get(plan_address(**chosen(segment, sequence))).content.decode()
    admin_client.post(
        START, chosen(segment, sequence, when="later", at=f"{tomorrow}T09:00", hours="5")
    )

    (run,) = AudienceEnrollment.objects.all()
    assert "Europe/Prague" in page
    # Prague is an hour ahead of UTC in winter, two in summer.
    assert run.scheduled_for in {
        datetime(tomorrow.year, tomorrow.month, tomorrow.day, hour, tzinfo=UTC) for hour in (7, 8)
    }
    assert run.spread == timedelta(hours=5)
    assert run.status == Status.QUEUED


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"when": "later", "at": ""}, "Type the day"),
        ({"when": "later", "at": "0001-01-01T00:00"}, ""),
        ({"when": "later", "at": "2020-01-01T00:00"}, "must be ahead"),
        ({"when": "later", "at": "9999-12-31T23:59"}, ""),
        ({"hours": "many"}, "Hours must be"),
        ({"hours": "-1"}, "Hours must be"),
        ({"hours": "999"}, "Hours must be"),
        ({"segment": "zzz"}, "Choose a segment"),
        ({"sequence": "\0"}, "Choose a segment"),
    ],
)
def test_a_wrong_start_is_refused_in_words(
    admin_client: Client, segment: Segment, sequence: Sequence, more: dict[str, str], says: str
) -> None:
    answer = admin_client.post(START, chosen(segment, sequence) | more, follow=True)

    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not AudienceEnrollment.objects.exists()


def test_a_sequence_takes_one_run_at_a_time(
    admin_client: Client, segment: Segment, sequence: Sequence
) -> None:
    for _ in range(2):
        answer = admin_client.post(START, chosen(segment, sequence), follow=True)

    assert "is queued or running" in answer.content.decode()
    assert AudienceEnrollment.objects.count() == 1


def test_a_foreign_sequence_is_refused(admin_client: Client, segment: Segment) -> None:
    foreign = make_sequence(factories.WorkspaceFactory.create(), MAIL)

    shown = admin_client.get(plan_address(**chosen(segment, foreign))).content.decode()
    posted = admin_client.post(START, chosen(segment, foreign), follow=True).content.decode()

    assert "different workspaces" in shown
    assert "another workspace" in posted
    assert not AudienceEnrollment.objects.exists()


def test_a_run_is_cancelled(admin_client: Client, segment: Segment, sequence: Sequence) -> None:
    run = by_segment.start(segment=segment, sequence=sequence, now=timezone.now())

    page = admin_client.post(view_url(run, "cancel"), follow=True).content.decode()
    again = admin_client.post(view_url(run, "cancel"), follow=True).content.decode()

    run.refresh_from_db()
    assert run.status == Status.CANCELLED
    assert "Cancelled; 0 entered." in page
    assert "has ended already" in again


def test_a_segment_that_a_run_needs_is_not_deleted(
    admin_client: Client, segment: Segment, sequence: Sequence
) -> None:
    run = by_segment.start(segment=segment, sequence=sequence, now=timezone.now())
    address = admin_url(segment).replace("/change/", "/delete/")

    page = admin_client.get(address).content.decode()
    admin_client.post(address, {"post": "yes"})
    is_kept = Segment.objects.filter(pk=segment.pk).exists()
    by_segment.cancel(run=run, now=timezone.now())
    admin_client.post(address, {"post": "yes"})

    assert f"Mass enrollment: {run}" in page
    assert is_kept
    assert not Segment.objects.exists()
    assert "VIPs (deleted)" in admin_client.get(admin_url(run)).content.decode()


@pytest.mark.parametrize("codes", [(), ("view_audienceenrollment",), ("add_audienceenrollment",)])
def test_only_those_who_may_change_sequences_start_or_cancel(
    client: Client, segment: Segment, sequence: Sequence, codes: tuple[str, ...]
) -> None:
    person = User.objects.create(username="somebody", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client.force_login(person)
    run = by_segment.start(segment=segment, sequence=sequence, now=timezone.now())

    answers = [
        client.get(plan_address(**chosen(segment, sequence))),
        client.post(START, chosen(segment, sequence)),
        client.post(view_url(run, "cancel")),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert AudienceEnrollment.objects.get().status == Status.QUEUED


def test_actions_take_post_alone(
    admin_client: Client, segment: Segment, sequence: Sequence
) -> None:
    run = by_segment.start(segment=segment, sequence=sequence, now=timezone.now())

    for address in (START, view_url(run, "cancel")):
        assert admin_client.get(address, chosen(segment, sequence)).status_code == 405
    plan = reverse("admin:events_audienceenrollment_add")
    assert admin_client.post(plan, chosen(segment, sequence)).status_code == 405
    assert AudienceEnrollment.objects.get().status == Status.QUEUED


def test_the_plan_costs_the_same_with_many(admin_client: Client, workspace: Workspace) -> None:
    costs = []
    for number in range(6):
        segment = make_segment(workspace, name=f"Segment {number}")
        sequence = make_sequence(workspace, MAIL)
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(plan_address(**chosen(segment, sequence)))
        costs.append(len(queries))

    assert costs[1] == costs[5] <= 24
