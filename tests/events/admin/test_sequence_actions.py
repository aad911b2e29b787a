"""Sequences are switched on, off and away from their page, and people are moved along."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from config.admin_base import admin_url, list_url, view_url
from events.language.specs import as_wire, parse_sequence
from events.models import Enrollment, Sequence
from events.services.sequences import parked_enrollments, sequences
from subscribers.models import Workspace
from tests import factories
from tests.factories.sequences import NOON
from tests.support.sequence_making import MAIL, make_sequence

ACTIONS = (
    "activate", "pause", "pause-enrollment", "resume-enrollment", "archive", "unarchive", "move",
    "enroll",
)  # fmt: skip


def page_after(client: Client, sequence: Sequence, action: str, **fields: str) -> str:
    """Do something and return the page that comes then."""
    answer = client.post(view_url(sequence, action), fields, follow=True)
    sequence.refresh_from_db()
    return answer.content.decode()


def offered(client: Client, sequence: Sequence) -> list[str]:
    """Return the names of the buttons on the page."""
    buttons = client.get(admin_url(sequence)).context["row_actions"]
    return [action.name for action, _ in buttons]


def enrolled(sequence: Sequence, **columns: object) -> Enrollment:
    """Put somebody into the current version, at its first step."""
    version = sequence.current_version
    assert version is not None
    return factories.EnrollmentFactory.create(
        version=version, step=version.steps.order_by("position").first(), **columns
    )


def parked(sequence: Sequence) -> Enrollment:
    """Put somebody into it whom the engine holds."""
    return enrolled(
        sequence,
        status=Enrollment.Status.PAUSED,
        status_before_pause=Enrollment.Status.ACTIVE,
        reason=parked_enrollments.REASON,
        due_at=None,
    )


def new_version(sequence: Sequence, *steps: dict[str, Any]) -> None:
    """Edit a sequence's steps."""
    wire = {**as_wire(sequences.spec_of(sequence)), "steps": list(steps)}
    sequences.edit(sequence=sequence, spec=parse_sequence(wire), now=NOON)


def test_a_draft_is_activated_paused_archived_and_brought_back(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL, is_active=False)
    seen = []

    for action in ("activate", "pause", "activate", "archive", "unarchive"):
        assert action in offered(admin_client, sequence)
        page_after(admin_client, sequence, action)
        seen.append(sequence.status)

    assert seen == ["active", "paused", "active", "archived", "draft"]
    words = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert words == ["Activated", "Paused", "Activated", "Archived", "Brought back as a draft"]


def test_what_is_missing_is_shown_and_keeps_it_off(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL, is_active=False, fromEmail="")
    missing = "neither it nor the workspace has a from address"

    before = admin_client.get(admin_url(sequence)).content.decode()
    after = page_after(admin_client, sequence, "activate")

    assert f"Not ready: It sends mail, but {missing}" in before
    assert f"Not activated. It sends mail, but {missing}" in after
    assert sequence.status == Sequence.Status.DRAFT
    assert not LogEntry.objects.exists()


def test_entering_is_paused_and_goes_on(admin_client: Client, workspace: Workspace) -> None:
    sequence = make_sequence(workspace)

    page_after(admin_client, sequence, "pause-enrollment")
    is_paused = sequence.is_enrollment_paused
    page_after(admin_client, sequence, "resume-enrollment")

    assert is_paused
    assert not sequence.is_enrollment_paused


def test_those_held_are_counted_first_and_spread_then(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace)
    enrollments = [parked(sequence) for _ in range(3)]
    sequences.pause(sequence=sequence, now=NOON)
    before = timezone.now()

    buttons = offered(admin_client, sequence)
    asking = admin_client.get(view_url(sequence, "activating")).content.decode()
    page_after(admin_client, sequence, "activate", minutes="90")

    assert "activating" in buttons
    assert "activate" not in buttons
    assert "3 enrollments wait" in asking
    due = sorted(Enrollment.objects.get(pk=enrollment.pk).due_at for enrollment in enrollments)  # type: ignore[type-var]
    assert due[0] is not None
    assert due[-1] is not None
    assert before <= due[0]
    assert due[-1] - due[0] == timedelta(minutes=60)
    assert LogEntry.objects.get().change_message == "Activated, those held over 90 minutes"


@pytest.mark.parametrize("minutes", ["-1", "x", "10081", "9" * 400, "1.5"])
def test_odd_minutes_are_refused(admin_client: Client, workspace: Workspace, minutes: str) -> None:
    sequence = make_sequence(workspace, is_active=False)

    page = page_after(admin_client, sequence, "activate", minutes=minutes)

    assert "Minutes must be a whole number from 0 to 10,080." in page
    assert sequence.status == Sequence.Status.DRAFT


def test_who_is_moved_is_shown_first_and_moved_then(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, {"type": "delay", "id": "nap", "days": 1}, MAIL)
    moving = enrolled(sequence)
    new_version(sequence, {"type": "delay", "id": "nap", "days": 2}, MAIL)
    staying = enrolled(sequence)
    new_version(sequence, {"type": "delay", "id": "nap", "days": 3}, {"type": "exit"})

    buttons = offered(admin_client, sequence)
    preview = admin_client.get(view_url(sequence, "moving")).content.decode()
    page_after(admin_client, sequence, "move")

    assert "moving" in buttons
    assert "2 would move to version 3" in preview
    assert Enrollment.objects.get(pk=moving.pk).version == sequence.current_version
    assert Enrollment.objects.get(pk=staying.pk).version == sequence.current_version
    assert "moving" not in offered(admin_client, sequence)
    assert LogEntry.objects.get().change_message == "Moved 2 enrollments to version 3"


def test_who_cannot_be_moved_is_told_why(admin_client: Client, workspace: Workspace) -> None:
    sequence = make_sequence(workspace, MAIL)
    enrolled(sequence)
    new_version(sequence, {"type": "exit"})

    preview = admin_client.get(view_url(sequence, "moving")).content.decode()

    assert "The current version does not have it." in preview
    assert "Move them" not in preview


def test_the_page_tells_how_many_keep_which_version(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL)
    for _ in range(2):
        enrollment = enrolled(sequence)
    new_version(sequence, {"type": "exit"})
    enrolled(sequence, status=Enrollment.Status.COMPLETED)

    page = admin_client.get(admin_url(sequence)).content.decode()

    first = list_url(Enrollment, version__id__exact=enrollment.version.pk)
    assert f'<a href="{first}">2 under way</a>' in page
    assert "0 under way" in page
    assert len(admin_client.get(first).context["cl"].result_list) == 2


def test_many_are_not_counted(
    admin_client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.wording.sequences.MOST_COUNTED", 1)
    monkeypatch.setattr("events.wording.sequences.MANY", "1+")
    sequence = make_sequence(workspace, MAIL)
    for _ in range(3):
        enrolled(sequence)

    page = admin_client.get(admin_url(sequence)).content.decode()

    assert "1+ under way" in page


def test_people_are_enrolled_by_hand_and_each_that_is_not_is_told(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL, trigger="manual")
    ada, bob = (
        factories.SubscriberFactory.create(workspace=workspace, email=email, external_id=external)
        for email, external in (("ada@example.com", None), ("bob@example.com", "user-2"))
    )
    gone = factories.SubscriberFactory.create(workspace=workspace, status="unsubscribed")
    stranger = factories.SubscriberFactory.create()
    people = f" ADA@Example.com \r\nuser-2\r\n{bob.public_id}\r\n{gone.email}\r\n{stranger.email}"

    page = page_after(admin_client, sequence, "enroll", people=people)

    assert "enrolling" in offered(admin_client, sequence)
    enrolled_ids = Enrollment.objects.values_list("subscriber", flat=True).order_by("id")
    assert sorted(enrolled_ids) == sorted([ada.pk, bob.pk])
    assert "Enrolled 2 by hand." in page
    assert f"Not enrolled, since the person has unsubscribed: {gone.email} (1)." in page
    assert f"Nobody in the workspace is {stranger.email}." in page
    assert LogEntry.objects.get().change_message == "Enrolled 2 by hand"


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ("", "Name 1 to 500 people, one a line; 0 were named."),
        ("\n".join(map(str, range(501))), "501 were named."),
        ("<script>", "Nobody in the workspace is &lt;script&gt;."),
    ],
)
def test_nobody_is_enrolled_by_a_list_that_names_nobody(
    admin_client: Client, workspace: Workspace, people: str, words: str
) -> None:
    sequence = make_sequence(workspace, MAIL)

    assert words in page_after(admin_client, sequence, "enroll", people=people)
    assert not LogEntry.objects.exists()


def test_nobody_is_enrolled_into_what_is_not_active(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL, is_active=False)
    person = factories.SubscriberFactory.create(workspace=workspace)

    page = page_after(admin_client, sequence, "enroll", people=person.email)

    assert "only an active one lets people in" in page
    assert not Enrollment.objects.exists()


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_takes_a_post_with_csrf_and_permission_alone(
    admin_client: Client, admin_user: User, workspace: Workspace, action: str
) -> None:
    sequence = make_sequence(workspace)
    address = view_url(sequence, action)
    strict, viewer = Client(enforce_csrf_checks=True), Client()
    strict.force_login(admin_user)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_sequence"))
    viewer.force_login(person)

    assert admin_client.get(address).status_code == 405
    assert strict.post(address).status_code == 403
    assert viewer.post(address).status_code == 403
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("page", ["activating", "moving", "enrolling"])
def test_a_page_that_asks_first_changes_nothing(
    admin_client: Client, workspace: Workspace, page: str
) -> None:
    sequence = make_sequence(workspace)

    assert admin_client.post(view_url(sequence, page)).status_code == 405
    assert admin_client.get(view_url(sequence, page)).status_code == 200
    assert not LogEntry.objects.exists()
