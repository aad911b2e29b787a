"""An enrollment's page shows its history and why nothing happens; buttons do what is allowed."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from config.admin_base import admin_url, list_url, view_url
from config.admin_links import page_url
from events.models import Enrollment, Sequence, Step, StepRun
from subscribers.ids import new_id
from tests import factories
from tests.factories.sequences import NOON

Status = Enrollment.Status
CONFIGS: dict[str, dict[str, Any]] = {
    "exit": {"type": "exit", "id": "out"},
    "delay": {"type": "delay", "id": "nap", "delay": {"type": "duration", "milliseconds": 60000}},
    "email": {"type": "email", "id": "mail", "subject": "Hi", "text": "Hello"},
}


def page_of(client: Client, enrollment: Enrollment) -> str:
    """Open the page of an enrollment."""
    return client.get(admin_url(enrollment)).content.decode()


def offered(client: Client, enrollment: Enrollment) -> list[str]:
    """Return the names of the buttons on the page."""
    buttons = client.get(admin_url(enrollment)).context.get("row_actions", ())
    return [action.name for action, _ in buttons]


def make_enrollment(
    *, sequence_status: str = "active", kind: str = "exit", **columns: Any
) -> Enrollment:
    """Return an enrollment of a sequence that is active unless told."""
    config = CONFIGS[kind]
    version = factories.SequenceVersionFactory.create(
        sequence__status=sequence_status, sequence__workspace__timezone="Europe/Berlin"
    )
    step = factories.StepFactory.create(version=version, kind=kind, key=config["id"], config=config)
    return factories.EnrollmentFactory.create(version=version, step=step, **columns)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"waiting": True, "awaits": "paid", "due_at": NOON.replace(year=2100)},
            "paid, until 2100-11-24 13:00:00 CET at most",
        ),
        (
            {"waiting": True, "awaits": "\x1fdue", "due_at": NOON.replace(year=2100)},
            "CET, or another time when the attribute due changes.",
        ),
        (
            {
                "waiting": True,
                "awaits": "paid",
                "released_by": new_id(),
            },
            "The event paid came; a worker takes it",
        ),
        (
            {"waiting": True, "due_at": NOON.replace(year=2100)},
            "It waits until 2100-11-24",
        ),
        ({"waiting": True, "due_at": NOON}, "Its wait is over since"),
        (
            {
                "waiting": True,
                "due_at": NOON.replace(year=2100),
                "reason": "sending_window",
            },
            "sending window is closed",
        ),
        ({"waiting_confirmation": True}, "until the person confirms"),
        ({"status": Status.ACTIVE, "due_at": NOON}, "The step is due since"),
        (
            {
                "status": Status.ACTIVE,
                "due_at": NOON,
                "lease_token": new_id(),
            },
            "A worker is at it right now.",
        ),
        (
            {"status": Status.ACTIVE, "due_at": NOON.replace(year=2100), "attempts": 2},
            "The step failed 2 times; it is tried again at 2100-11-24",
        ),
        (
            {
                "status": Status.ACTIVE,
                "due_at": NOON.replace(year=2100),
                "reason": "mail_server_away",
            },
            "the mail server does not answer",
        ),
        (
            {"paused": True, "reason": "paused_by_hand"},
            "Nothing until somebody resumes it",
        ),
        (
            {"paused": True, "reason": "sequence_paused"},
            "continues when the sequence is activated again",
        ),
        (
            {"completed": True, "reason": "timeout"},
            "completed at 2026-11-24 13:00:00 CET: the event that it waited for did not come",
        ),
        (
            {"failed": True, "reason": "some_word: a sentence"},
            "it failed at 2026-11-24 13:00:00 CET: some word: a sentence.",
        ),
        (
            {"status": Status.ACTIVE, "sequence_status": Sequence.Status.PAUSED},
            "Nothing: the sequence is paused.",
        ),
    ],
)
def test_the_page_says_what_is_waited_for(
    admin_client: Client, db: None, columns: dict[str, Any], words: str
) -> None:
    assert words in page_of(admin_client, make_enrollment(**columns))


def test_paused_mail_is_told(admin_client: Client, db: None) -> None:
    enrollment = make_enrollment(kind="email")
    enrollment.workspace.is_mail_paused = True
    enrollment.workspace.save(update_fields=["is_mail_paused"])

    assert "the workspace&#x27;s mail is paused" in page_of(admin_client, enrollment)


def test_a_mail_that_waits_for_its_window_says_that_mail_is_paused_besides(
    admin_client: Client, db: None
) -> None:
    enrollment = make_enrollment(
        kind="email", waiting=True, due_at=NOON.replace(year=2100), reason="sending_window"
    )
    enrollment.workspace.is_mail_paused = True
    enrollment.workspace.save(update_fields=["is_mail_paused"])

    page = page_of(admin_client, enrollment)

    assert "sending window is closed. Besides, mail is paused." in page


def test_the_page_tells_who_came_in_by_what(admin_client: Client, db: None) -> None:
    event = factories.EventFactory.create(definition__name="order.placed")
    enrollment = make_enrollment(
        subscriber=event.subscriber,
        started_by=event,
        entered_via={"kind": "tag", "name": "vip"},
        is_test=True,
    )

    page = page_of(admin_client, enrollment)

    assert f'by the tag vip (<a href="{admin_url(event)}">order.placed</a>)' in page
    assert admin_url(event) in page
    assert admin_url(enrollment.subscriber) in page
    assert page_url(enrollment.sequence) in page
    assert enrollment.public_id in page


def test_the_event_that_let_somebody_in_is_named_once(admin_client: Client, db: None) -> None:
    event = factories.EventFactory.create(definition__name="order.placed")
    enrollment = make_enrollment(
        subscriber=event.subscriber,
        started_by=event,
        entered_via={"kind": "event", "name": "order.placed"},
    )

    page = page_of(admin_client, enrollment)

    assert f'by the event <a href="{admin_url(event)}">order.placed</a></' in page


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"waitedUntil": "2026-11-24T12:00:00Z"}, "waited until 2026-11-24 13:00:00 CET"),
        ({"timedOut": True, "action": "exit"}, "it did not come in time; so it ended"),
        (
            {"isMet": False, "unmet": {"type": "tag", "tag": "vip"}, "goesTo": "last"},
            "not met; not met: tag vip; so it went to last",
        ),
        ({"isMet": True}, "done; met"),
        (
            {"reason": "date_missing", "action": "skip"},
            "because there was no date; so it skipped the next step",
        ),
        ({"tagsAdded": ["a", "b"], "gone": ["c"]}, "added a, b; no longer there: c"),
        ({"email": "unknown"}, "handed over, and no answer came"),
        ({"status": 500, "milliseconds": 12}, "it answered 500; in 12 ms"),
        ({"event": "0" * 32}, f"the event {'0' * 32} came, which was deleted since"),
        ({"fromLater": {"a": 1}}, "from later: "),
        ({"waitedUntil": 7, "unmet": [], "tagsAdded": {}}, "waited until: "),
    ],
)
def test_the_history_is_in_words(
    admin_client: Client, db: None, outcome: dict[str, Any], words: str
) -> None:
    enrollment = make_enrollment()
    factories.StepRunFactory.create(enrollment=enrollment, outcome=outcome)

    assert words in page_of(admin_client, enrollment)


def test_the_history_links_mails_and_events_in_the_order_of_time(
    admin_client: Client, db: None
) -> None:
    enrollment = make_enrollment()
    event = factories.EventFactory.create(subscriber=enrollment.subscriber, definition__name="paid")
    email = factories.OutgoingEmailFactory.create(subscriber=enrollment.subscriber)
    factories.StepRunFactory.create(
        enrollment=enrollment, visit=2, started_at=NOON + timedelta(days=1),
        error="550", attempts=3, status=StepRun.Status.FAILED,
    )  # fmt: skip
    factories.StepRunFactory.create(
        enrollment=enrollment, email=email, outcome={"event": event.pk.hex}
    )

    page = page_of(admin_client, enrollment)

    assert admin_url(email) in page
    assert f'<a href="{admin_url(event)}">paid</a> came' in page
    assert page.index("paid</a> came") < page.index(
        ":</strong> visit 2; failed; after 3 attempts: 550"
    )


def test_a_step_that_cannot_be_read_is_still_named(admin_client: Client, db: None) -> None:
    enrollment = make_enrollment()
    Step.objects.update(config={"type": "later"})

    assert "1. Exit" in page_of(admin_client, enrollment)


@pytest.mark.parametrize("text", ["{enr}", "ADA@Example.com", "user-1"])
def test_enrollments_are_found_by_id_and_by_person(
    admin_client: Client, db: None, text: str
) -> None:
    enrollment = make_enrollment()
    enrollment.subscriber.email = enrollment.subscriber.email_key = "ada@example.com"
    enrollment.subscriber.external_id = "user-1"
    enrollment.subscriber.save()
    make_enrollment()

    address = list_url(Enrollment, q=text.format(enr=enrollment.public_id))
    rows = admin_client.get(address).context["cl"].result_list

    assert [row.pk for row in rows] == [enrollment.pk]


@pytest.mark.parametrize(
    ("columns", "actions"),
    [
        ({"status": Status.ACTIVE}, ["pause", "cancel"]),
        ({"status": Status.ACTIVE, "attempts": 1}, ["send-now", "pause", "cancel"]),
        ({"waiting": True, "kind": "delay"}, ["send-now", "pause", "cancel"]),
        ({"waiting": True, "awaits": "paid"}, ["pause", "cancel"]),
        ({"paused": True}, ["resume", "cancel"]),
        (
            {"paused": True, "reason": "sequence_paused"},
            ["resume", "pause", "cancel"],
        ),
        ({"failed": True, "entry_slot": None}, ["retry"]),
        ({"completed": True, "entry_slot": None}, []),
    ],
)
def test_only_allowed_actions_are_offered(
    admin_client: Client, db: None, columns: dict[str, Any], actions: list[str]
) -> None:
    assert offered(admin_client, make_enrollment(**columns)) == actions


@pytest.mark.parametrize(
    ("action", "columns", "status", "words"),
    [
        ("pause", {}, Status.PAUSED, "Paused"),
        (
            "resume",
            {"paused": True},
            Status.ACTIVE,
            "Resumed",
        ),
        ("cancel", {}, Status.CANCELLED, "Cancelled"),
        (
            "retry",
            {"failed": True, "entry_slot": None},
            Status.ACTIVE,
            "Failed step retried",
        ),
        (
            "send-now",
            {"waiting": True, "kind": "delay", "due_at": NOON.replace(year=2100)},
            Status.WAITING,
            "Continued without waiting",
        ),
    ],
)
def test_an_action_changes_the_enrollment_and_is_logged(
    admin_client: Client, db: None, action: str, columns: dict[str, Any], status: str, words: str
) -> None:
    enrollment = make_enrollment(**columns)

    page = admin_client.post(view_url(enrollment, action), follow=True).content.decode()

    enrollment.refresh_from_db()
    assert enrollment.status == status
    assert f"{words}." in page
    assert LogEntry.objects.get().change_message == words
    if action == "send-now":
        assert enrollment.due_at is not None
        assert enrollment.due_at <= timezone.now()


@pytest.mark.parametrize(
    ("action", "columns", "words"),
    [
        (
            "cancel",
            {"completed": True, "entry_slot": None},
            "The enrollment is over: completed.",
        ),
        ("retry", {}, "only a failed one is tried again"),
        ("send-now", {"waiting": True, "awaits": "paid"}, "it waits for the event paid"),
        ("resume", {}, "Nothing changed"),
    ],
)
def test_an_action_that_is_not_allowed_says_why_and_changes_nothing(
    admin_client: Client, db: None, action: str, columns: dict[str, Any], words: str
) -> None:
    enrollment = make_enrollment(**columns)

    page = admin_client.post(view_url(enrollment, action), follow=True).content.decode()

    assert words in page
    assert Enrollment.objects.get().status == enrollment.status
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("action", ["pause", "resume", "cancel", "retry", "send-now"])
def test_an_action_takes_a_post_with_csrf_and_permission_alone(
    admin_client: Client, admin_user: User, action: str
) -> None:
    enrollment = make_enrollment()
    strict, viewer = Client(enforce_csrf_checks=True), Client()
    strict.force_login(admin_user)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_enrollment"))
    viewer.force_login(person)

    assert admin_client.get(view_url(enrollment, action)).status_code == 405
    assert strict.post(view_url(enrollment, action)).status_code == 403
    assert viewer.post(view_url(enrollment, action)).status_code == 403
    assert offered(viewer, enrollment) == []
    assert Enrollment.objects.get().status == enrollment.status


def test_the_list_is_narrowed_to_a_sequence_and_one_of_its_steps(admin_client: Client) -> None:
    here, there = (
        factories.EnrollmentFactory.create(version__sequence__name=name) for name in ("One", "Two")
    )
    step = factories.StepFactory.create(version=here.version, position=7, key="late")
    at_step = factories.EnrollmentFactory.create(version=here.version, step=step)
    Sequence.objects.filter(pk=here.sequence_id).update(current_version=here.version)

    of_sequence = admin_client.get(list_url(Enrollment, sequence__id__exact=here.sequence_id))
    of_step = admin_client.get(list_url(Enrollment, step__id__exact=step.pk))

    page = of_sequence.content.decode()
    assert {row.pk for row in of_sequence.context["cl"].result_list} == {here.pk, at_step.pk}
    assert f"step__id__exact={step.pk}" in page
    assert there.sequence.name in page
    assert [row.pk for row in of_step.context["cl"].result_list] == [at_step.pk]


@pytest.mark.parametrize(
    "address", ["?sequence__id__exact=x", "?step__id__exact=1", "?under_way=perhaps"]
)
def test_a_filter_that_means_nothing_is_left_out(admin_client: Client, address: str) -> None:
    answer = admin_client.get(list_url(Enrollment) + address, follow=True)

    assert answer.status_code == 200
