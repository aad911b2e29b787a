"""A sequence's page activates, pauses and archives it, and moves people to its version."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Permission, User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from config.admin_base import admin_url, view_url
from config.admin_links import page_url
from events.language.specs import as_wire, parse_sequence
from events.models import Enrollment, EventCount, Sequence
from events.services.enrollments import by_operator, moving
from events.services.sequences import parked_enrollments, sequences
from subscribers.models import Workspace
from tests import factories
from tests.factories.sequences import NOON
from tests.support.sequence_making import MAIL, make_sequence

ACTIONS = (
    "activate", "pause", "pause-enrollment", "resume-enrollment", "archive", "unarchive", "move",
    "enroll", "duplicate",
)  # fmt: skip


def page_after(client: Client, sequence: Sequence, action: str, **fields: str) -> str:
    """Do something and return the page that comes then."""
    answer = client.post(view_url(sequence, action), fields, follow=True)
    sequence.refresh_from_db()
    return answer.content.decode()


def offered(client: Client, sequence: Sequence) -> list[str]:
    """Return the names of the buttons on the page."""
    buttons = client.get(page_url(sequence)).context["buttons"]
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


def new_version(sequence: Sequence, *steps: dict[str, Any], **wire: Any) -> None:
    """Edit a sequence's steps."""
    changed = {**as_wire(sequences.spec_of(sequence)), "steps": list(steps), **wire}
    sequences.edit(sequence=sequence, spec=parse_sequence(changed), now=NOON)


def test_a_draft_is_activated_paused_archived_and_brought_back(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL, is_active=False)
    seen = []

    asked = {"activate": "activating", "pause": "pausing", "archive": "archiving"}
    for action in ("activate", "pause", "activate", "archive", "unarchive"):
        assert asked.get(action, action) in offered(admin_client, sequence)
        page_after(admin_client, sequence, action)
        seen.append(sequence.status)

    assert seen == ["active", "paused", "active", "archived", "draft"]
    words = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert words == ["Activated", "Paused", "Activated", "Archived", "Restored as a draft"]


def test_what_is_missing_is_shown_and_keeps_it_off(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL, is_active=False, fromEmail="")
    missing = "neither it nor the workspace has a from address"

    before = admin_client.get(page_url(sequence)).content.decode()
    asking = admin_client.get(view_url(sequence, "activating")).content.decode()
    after = page_after(admin_client, sequence, "activate")

    assert f"Not ready: It sends mail, but {missing}" in before
    assert f"Not ready: It sends mail, but {missing}" in asking
    assert view_url(sequence, "activate") not in asking
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
    assert LogEntry.objects.get().change_message == "Activated, waiting ones within 90 minutes"


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
    mover = enrolled(sequence)
    new_version(sequence, {"type": "delay", "id": "nap", "days": 2}, MAIL)
    staying = enrolled(sequence)
    new_version(sequence, {"type": "delay", "id": "nap", "days": 3}, {"type": "exit"})

    buttons = offered(admin_client, sequence)
    preview = admin_client.get(view_url(sequence, "moving")).content.decode()
    page_after(admin_client, sequence, "move")

    assert "moving" in buttons
    assert "2 would move to version 3" in preview
    assert Enrollment.objects.get(pk=mover.pk).version == sequence.current_version
    assert Enrollment.objects.get(pk=staying.pk).version == sequence.current_version
    assert "moving" not in offered(admin_client, sequence)
    assert LogEntry.objects.get().change_message == "Moved 2 enrollments to version 3"


def test_a_move_that_breaks_off_has_its_line_in_the_log(
    admin_client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence = make_sequence(workspace, {"type": "delay", "id": "nap", "days": 1}, MAIL)
    enrolled(sequence)
    new_version(sequence, {"type": "delay", "id": "nap", "days": 2}, MAIL)
    monkeypatch.setattr(moving, "_move_batch", broken_off)

    answer = admin_client.post(view_url(sequence, "move"))

    assert answer.status_code == 503
    words = LogEntry.objects.get().change_message
    assert words == "Move enrollments to version 2: begun, but not ended"


def test_retries_that_break_off_have_their_line_in_the_log(
    admin_client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence = make_sequence(workspace, MAIL)
    enrolled(sequence, status=Enrollment.Status.FAILED, due_at=None)
    monkeypatch.setattr(by_operator, "retry", broken_off)

    answer = admin_client.post(view_url(sequence, "retry-failed"), {"minutes": "5"})

    assert answer.status_code == 503
    words = LogEntry.objects.get().change_message
    assert words == "Retry what failed within 5 minutes: begun, but not ended"


def broken_off(*_given: object, **_named: object) -> None:
    raise OperationalError("The connection is lost.")


def test_who_cannot_be_moved_is_told_why(admin_client: Client, workspace: Workspace) -> None:
    sequence = make_sequence(workspace, MAIL)
    enrolled(sequence)
    new_version(sequence, {"type": "exit"})

    preview = admin_client.get(view_url(sequence, "moving")).content.decode()

    assert "The current version does not have it." in preview
    assert "Move them" not in preview


def test_people_are_enrolled_by_hand_and_each_that_is_not_is_told(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL, trigger="manual")
    ada, bob = (
        factories.SubscriberFactory.create(workspace=workspace, email=email, external_id=external)
        for email, external in (("ada@example.com", None), ("bob@example.com", "user-2"))
    )
    gone = factories.SubscriberFactory.create(workspace=workspace, unsubscribed=True)
    stranger = factories.SubscriberFactory.create()
    people = f" ADA@Example.com \r\nuser-2\r\n{bob.public_id}\r\n{gone.email}\r\n{stranger.email}"

    page = page_after(admin_client, sequence, "enroll", people=people)

    assert "enrolling" in offered(admin_client, sequence)
    enrolled_ids = Enrollment.objects.values_list("subscriber", flat=True).order_by("id")
    assert sorted(enrolled_ids) == sorted([ada.pk, bob.pk])
    assert "Enrolled 2 manually." in page
    assert f"Not enrolled, since the person has unsubscribed: {gone.email} (1)." in page
    assert f"Nobody in the workspace is {stranger.email}." in page
    assert LogEntry.objects.get().change_message == "Enrolled 2 manually"


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


def test_activation_tells_who_enters_and_from_whom_mail_comes(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, MAIL, is_active=False, fromName="Mia")
    definition = factories.EventDefinitionFactory.create(workspace=workspace, name="signup")
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for hours, count in ((1, 1200), (30, 34), (24 * 8, 500)):
        EventCount.objects.create(
            workspace=workspace,
            definition=definition,
            unit=EventCount.Unit.HOUR_OF_RECEIPT,
            starts_at=hour - timedelta(hours=hours),
            count=count,
        )

    page = admin_client.get(view_url(sequence, "activating")).content.decode()

    assert "The event signup came 1,200 times in the last 24 hours, 1,234 times in the last" in page
    assert "Mia &lt;news@example.com&gt;" in page
    assert "It sends 1 mail" in page
    assert view_url(sequence, "activate") in page


@pytest.mark.parametrize(("page", "action"), [("pausing", "pause"), ("archiving", "archive")])
def test_a_stop_says_what_it_does_and_to_how_many(
    admin_client: Client, workspace: Workspace, page: str, action: str
) -> None:
    sequence = make_sequence(workspace, MAIL)
    for _ in range(2):
        enrolled(sequence)

    shown = admin_client.get(view_url(sequence, page)).content.decode()

    assert "2 enrollments are under way" in shown
    assert "A mail that is being sent still arrives." in shown
    assert view_url(sequence, action) in shown


def test_a_copy_is_a_draft_that_says_the_same(admin_client: Client, workspace: Workspace) -> None:
    news = factories.ListFactory.create(workspace=workspace, name="News")
    sequence = make_sequence(workspace, MAIL, name="Welcome", key="welcome", mailList=news.name)

    answers = [admin_client.post(view_url(sequence, "duplicate")) for _ in range(2)]

    copy, second = Sequence.objects.exclude(pk=sequence.pk).order_by("created_at")
    assert [answer.headers["Location"] for answer in answers] == [
        admin_url(copy),
        admin_url(second),
    ]
    assert (copy.key, second.key) == ("welcome-copy", "welcome-copy-2")
    assert (copy.name, copy.status) == ("Copy of Welcome", Sequence.Status.DRAFT)
    of_copy, of_original = (as_wire(sequences.spec_of(each)) for each in (copy, sequence))
    assert of_copy == {**of_original, "name": "Copy of Welcome", "key": "welcome-copy"}
    entry = LogEntry.objects.get(object_id=str(copy.pk))
    assert (entry.action_flag, entry.change_message) == (ADDITION, "Copied from Welcome")


def test_a_long_name_and_key_are_cut(admin_client: Client, workspace: Workspace) -> None:
    sequence = make_sequence(workspace, name="n" * 200, key="k" * 100)

    admin_client.post(view_url(sequence, "duplicate"))

    copy = Sequence.objects.exclude(pk=sequence.pk).get()
    assert (copy.name, copy.key) == ("Copy of " + "n" * 192, "k" * 95 + "-copy")


def test_what_names_a_deleted_list_is_not_copied(
    admin_client: Client, workspace: Workspace
) -> None:
    news = factories.ListFactory.create(workspace=workspace, name="News")
    sequence = make_sequence(workspace, MAIL, mailList=news.name)
    news.delete()

    page = page_after(admin_client, sequence, "duplicate")

    assert "Not duplicated. mailList names a list that is not there" in page
    assert Sequence.objects.count() == 1


def test_who_may_add_none_makes_no_copy(workspace: Workspace) -> None:
    sequence = make_sequence(workspace)
    person = User.objects.create(username="editor", is_staff=True)
    names = ("view_sequence", "change_sequence")
    person.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(person)

    assert "duplicate" not in offered(client, sequence)
    assert client.post(view_url(sequence, "duplicate")).status_code == 403
    assert Sequence.objects.count() == 1


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


@pytest.mark.parametrize(
    "page",
    ["activating", "pausing", "archiving", "moving", "enrolling", "flow", "versions", "export"],
)
def test_a_page_that_asks_first_changes_nothing(
    admin_client: Client, workspace: Workspace, page: str
) -> None:
    sequence = make_sequence(workspace)

    assert admin_client.post(view_url(sequence, page)).status_code == 405
    assert admin_client.get(view_url(sequence, page)).status_code == 200
    assert not LogEntry.objects.exists()
