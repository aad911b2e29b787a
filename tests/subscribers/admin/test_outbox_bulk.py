"""All that match are sent again or skipped: after a page that asks, with a reason, never twice."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.admin_base import list_url
from subscribers.admin import outbox_bulk
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.outbox import bulk
from tests import factories
from tests.config.test_workspace_choice import choose
from tests.factories.sequences import NOON

Status = OutgoingEmail.Status
CHANGES = ("retry", "skip")

pytestmark = pytest.mark.django_db


def asking(change: str, **filters: str) -> str:
    return reverse(f"admin:subscribers_outgoingemail_ask-{change}", query=filters or None)


def acting(change: str, **filters: str) -> str:
    return reverse(f"admin:subscribers_outgoingemail_all-{change}", query=filters or None)


def statuses() -> list[str]:
    return sorted(OutgoingEmail.objects.values_list("status", flat=True))


def make(*words: str, **columns: Any) -> list[OutgoingEmail]:
    return [factories.OutgoingEmailFactory.create(status=word, **columns) for word in words]


def press(client: Client, address: str, fields: dict[str, str], **options: Any) -> Any:
    """Send the form of the page that asks first, as it was shown."""
    page = client.get(address.replace("/now/", "/")).content.decode()
    hidden = dict(re.findall(r'type="hidden" name="(workspace|newest)" value="([^"]*)"', page))
    return client.post(address, {**hidden, **fields}, **options)


def test_the_page_counts_what_matches_and_changes_nothing(admin_client: Client) -> None:
    make("failed", "failed", "queued", "unknown", "sent")

    retry = admin_client.get(asking("retry")).content.decode()
    skip = admin_client.get(asking("skip")).content.decode()
    none = admin_client.get(asking("retry", error="421")).content.decode()

    assert "2 failed mails match." in retry
    assert "3 queued or failed mails match." in skip
    assert "0 failed mails match" in none
    assert "Send again 2" in retry
    assert "<button" not in none.split('id="content-main"', 1)[1].split("</main", 1)[0]
    assert statuses() == ["failed", "failed", "queued", "sent", "unknown"]


def test_those_that_match_the_filters_are_queued_again_with_one_line_in_the_log(
    admin_client: Client,
) -> None:
    wanted = make("failed", "failed", last_error="421 later", reason="mail_deferred")
    make("failed", "queued", "unknown", "sent", last_error="550 no")

    address = acting("retry", status__exact="failed", error="421")
    answer = press(admin_client, address, {"reason": "server moved"}, follow=True)

    again = OutgoingEmail.objects.filter(status="queued", due_at__isnull=False, reason="")
    assert {row.pk for row in again} == {row.pk for row in wanted}
    assert {row.message_id for row in again} == {row.message_id for row in wanted}
    assert "Queued again 2 mails." in answer.content.decode()
    words = LogEntry.objects.get().change_message
    assert words == (
        "Queued again 2 mails (Status: Failed; Error begins with: 421). Reason: server moved"
    )
    assert statuses() == ["failed", "queued", "queued", "queued", "sent", "unknown"]


def test_a_change_that_breaks_off_has_its_line_in_the_log(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("failed", "failed")
    monkeypatch.setattr(bulk, "PORTION", 1)
    portions = iter([bulk._change])

    def change_one(*given: Any) -> int:
        portion = next(portions, None)
        if portion is None:
            raise OperationalError("The connection is lost.")
        return portion(*given)

    monkeypatch.setattr(bulk, "_change", change_one)

    answer = press(admin_client, acting("retry"), {"reason": "server moved"})

    assert answer.status_code == 503
    assert statuses() == ["failed", "queued"]
    words = LogEntry.objects.get().change_message
    assert words == "Send again 2 mails: begun, but not ended (no filter). Reason: server moved"


def test_a_change_of_nothing_has_no_line_in_the_log(admin_client: Client) -> None:
    make("sent")

    press(admin_client, acting("retry"), {"reason": "r"})

    assert not LogEntry.objects.exists()


def test_a_mail_that_may_have_arrived_is_sent_again_with_its_word_alone(
    admin_client: Client,
) -> None:
    make("unknown", "failed")
    address = acting("retry", status__exact="unknown")

    press(admin_client, address, {"reason": "r"})
    press(admin_client, acting("retry"), {"reason": "r", "word": "unknown"})
    before = statuses()
    shown = admin_client.get(asking("retry", status__exact="unknown")).content.decode()
    press(admin_client, address, {"reason": "r", "word": " Unknown"})

    assert before == ["queued", "unknown"]
    assert statuses() == ["queued", "queued"]
    assert "Type “unknown” to send them again nevertheless." in shown


def test_queued_and_failed_ones_are_skipped(admin_client: Client) -> None:
    make("queued", due_at=NOON)
    make("failed", "unknown", "sending", "sent")

    press(admin_client, acting("skip"), {"reason": "wrong list"})

    assert statuses() == ["sending", "sent", "skipped", "skipped", "unknown"]
    skipped = OutgoingEmail.objects.filter(status="skipped")
    assert {(row.reason, row.due_at) for row in skipped} == {("skipped_by_hand", None)}
    page = admin_client.get(list_url(OutgoingEmail, because="skipped_by_hand")).content.decode()
    assert "an operator skipped it" in page


def test_no_more_than_so_many_are_changed_at_once(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_bulk, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 2)
    make("failed", "failed", "failed")

    shown = admin_client.get(asking("retry")).content.decode()
    answer = press(admin_client, acting("retry"), {"reason": "r"}, follow=True)
    press(admin_client, acting("retry"), {"reason": "r"})

    assert "At most 2 are changed at once" in shown
    assert (
        "Queued again 2 mails. More mails match: repeat this for the rest."
        in answer.content.decode()
    )
    assert "1 failed mail matches." in answer.content.decode()
    assert statuses() == ["queued"] * 3


def test_without_a_usable_reason_nothing_changes(admin_client: Client) -> None:
    make("failed")

    for reason in ("", "  ", "x" * 501, "a\x00b"):
        answer = press(admin_client, acting("retry"), {"reason": reason}, follow=True)
        assert answer.status_code == 200

    assert statuses() == ["failed"]
    assert not LogEntry.objects.exists()


def test_the_chosen_workspace_bounds_the_change(admin_client: Client) -> None:
    ours, theirs = make("failed", "failed")
    choose(admin_client, ours.workspace)

    press(admin_client, acting("retry"), {"reason": "r"})

    theirs.refresh_from_db()
    assert theirs.status == Status.FAILED
    assert statuses() == ["failed", "queued"]


@pytest.mark.parametrize("change", CHANGES)
def test_the_change_takes_a_post_with_csrf_and_permission_alone(
    admin_client: Client, admin_user: User, change: str
) -> None:
    make("failed")
    strict, viewer = Client(enforce_csrf_checks=True), Client()
    strict.force_login(admin_user)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_outgoingemail"))
    viewer.force_login(person)

    assert admin_client.get(acting(change)).status_code == 405
    assert admin_client.post(asking(change)).status_code == 405
    assert strict.post(acting(change), {"reason": "r"}).status_code == 403
    assert viewer.post(acting(change), {"reason": "r"}).status_code == 403
    shown = viewer.get(asking(change))
    assert shown.status_code == 200
    assert 'name="reason"' not in shown.content.decode()
    assert "all…" not in viewer.get(list_url(OutgoingEmail)).content.decode()
    assert statuses() == ["failed"]


@pytest.mark.parametrize("filters", [{"sequence": "x"}, {"nonsense": "1"}, {"from": "x"}])
def test_an_unusable_address_changes_nothing(admin_client: Client, filters: dict[str, str]) -> None:
    make("failed")

    shown = admin_client.get(asking("retry", **filters), follow=True)
    done = press(admin_client, acting("retry", **filters), {"reason": "r"}, follow=True)

    assert shown.status_code == done.status_code == 200
    assert statuses() == ["failed"]


def test_a_portion_costs_the_same_however_many_mails_it_has(admin_client: Client) -> None:
    (first,) = make("failed")
    press(admin_client, acting("retry"), {"reason": "r"})
    OutgoingEmail.objects.update(status="failed", due_at=None)
    with CaptureQueriesContext(connection) as one:
        press(admin_client, acting("retry"), {"reason": "r"})
    OutgoingEmail.objects.update(status="failed", due_at=None)
    people = factories.SubscriberFactory.create_batch(6, workspace=first.workspace)
    for person in people:
        factories.OutgoingEmailFactory.create(subscriber=person, failed=True)
    with CaptureQueriesContext(connection) as seven:
        press(admin_client, acting("retry"), {"reason": "r"})

    assert statuses() == ["queued"] * 7
    assert len(seven) == len(one)


def test_people_are_locked_in_the_order_of_their_ids_before_their_mails(
    admin_client: Client,
) -> None:
    make("failed", "failed")
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks the file")

    with CaptureQueriesContext(connection) as statements:
        press(admin_client, acting("retry"), {"reason": "r"})

    locks = [each["sql"] for each in statements if "FOR NO KEY UPDATE" in each["sql"]]
    assert [Subscriber._meta.db_table in sql.split("WHERE")[0] for sql in locks] == [True, False]
    assert all("ORDER BY" in sql for sql in locks)


def test_a_mail_that_a_worker_takes_meanwhile_is_left_alone(db: None) -> None:
    sending, failed = make("sending", "failed")

    done = bulk.carry_out(change=bulk.MailChange.SKIP, email_ids=[sending.pk, failed.pk], now=NOON)

    assert (done.changed, done.left) == (1, 1)
    assert statuses() == ["sending", "skipped"]


def test_what_came_after_the_page_was_shown_is_left_alone(admin_client: Client) -> None:
    (seen,) = make("queued")
    page = admin_client.get(asking("skip")).content.decode()
    hidden = dict(re.findall(r'type="hidden" name="(workspace|newest)" value="([^"]*)"', page))
    make("queued", workspace=seen.workspace, subscriber=seen.subscriber)

    admin_client.post(acting("skip"), {**hidden, "reason": "r"})

    assert OutgoingEmail.objects.get(status="skipped").pk == seen.pk
    assert statuses() == ["queued", "skipped"]


def test_another_workspace_chosen_meanwhile_changes_nothing(admin_client: Client) -> None:
    make("queued")
    page = admin_client.get(asking("skip")).content.decode()
    hidden = dict(re.findall(r'type="hidden" name="(newest)" value="([^"]*)"', page))
    other = factories.WorkspaceFactory.create()

    answer = admin_client.post(
        acting("skip"), {**hidden, "workspace": str(other.pk), "reason": "r"}, follow=True
    )

    assert "The chosen workspace has changed" in answer.content.decode()
    assert statuses() == ["queued"]


@pytest.mark.parametrize("name", ["text__contains", "html__startswith", "headers__regex"])
def test_an_address_that_the_list_would_not_take_tells_nothing(
    admin_client: Client, name: str
) -> None:
    make("failed")

    shown = admin_client.get(asking("retry", **{name: "a"}))
    done = admin_client.post(acting("retry", **{name: "a"}), {"reason": "r", "newest": "z"})

    assert (shown.status_code, done.status_code) == (302, 302)
    assert statuses() == ["failed"]
