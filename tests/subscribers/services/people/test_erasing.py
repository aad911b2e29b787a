"""Erasing: all of the person is deleted, a hash and one record stay, others are unchanged."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model

from events.models import Enrollment, Event, EventCount, StepRun
from events.services.counts import roll_ups
from subscribers.models import (
    ConsentRecord,
    IdempotentRequest,
    ImportReject,
    ImportRun,
    OutgoingEmail,
    Subscriber,
    Suppression,
    Workspace,
)
from subscribers.rows.row import Row
from subscribers.services.consent import suppressions
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.imports import runs
from subscribers.services.people import erasing
from subscribers.wire.address_hashes import address_hash
from subscribers.wire.payloads import Fault
from tests import factories
from tests.support.beside import beside, uncommitted, wait_until_somebody_waits_for_a_lock
from tests.support.searching import rows_with

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADDRESS = "Ada.Lovelace@Bücher.example"
KEY = "ada.lovelace@xn--bcher-kva.example"


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    """A person whose names nobody else has."""
    return factories.SubscriberFactory.create(
        workspace=workspace,
        email=ADDRESS.replace("B", "b"),
        email_key=KEY,
        external_id="customer-4711",
        first_name="Augusta",
        last_name="Kingsley",
        attributes={"nickname": "Enchantress"},
    )


def erase(person: Subscriber, **given: Any) -> erasing.Erased:
    return erasing.erase(
        subscriber_id=person.pk,
        now=NOON,
        **{"circumstances": Circumstances(actor="grace", ip="192.0.2.7"), **given},
    )


def keep_answer(workspace: Workspace, answer: dict[str, Any], **columns: Any) -> IdempotentRequest:
    """Keep an answer as the API does."""
    return IdempotentRequest.objects.create(
        workspace=workspace,
        method="POST",
        body_hash="0" * 64,
        lease_expires_at=NOON,
        expires_at=NOON + timedelta(days=1),
        status=200,
        answer=json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode(),
        **{"path": "/api/v1/subscribers/events", "key": f"key-{len(str(answer))}", **columns},
    )


def log(row: Model, message: str) -> LogEntry:
    """Log a change as the admin does."""
    user, _ = User.objects.get_or_create(username="grace")
    return LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=str(row),
        action_flag=CHANGE,
        change_message=message,
    )


def import_run(workspace: Workspace, **columns: Any) -> ImportRun:
    run: ImportRun = ImportRun.objects.create(
        workspace=workspace,
        kind=ImportRun.Kind.EVENTS,
        fingerprint="0" * 64,
        started_at=NOON,
        updated_at=NOON,
        **columns,
    )
    return run


def reject(run: ImportRun, row: dict[str, Any], reason: str = "name is missing.") -> ImportReject:
    text = json.dumps(row, ensure_ascii=False)
    rejected: ImportReject = ImportReject.objects.create(run=run, line=2, reason=reason, row=text)
    return rejected


def leave_traces(person: Subscriber) -> None:
    """Let every table that can name a person name this one."""
    workspace = person.workspace
    event = factories.EventFactory.create(
        subscriber=person, properties={"mail": person.email, "name": "Augusta"}
    )
    factories.FailedStageFactory.create(event=event, last_error=f"No {person.email}.")
    run = factories.EnrollmentFactory.create(
        subscriber=person, started_by=event, version__workspace=workspace,
        last_error=f"refused {person.email}", entry_slot="customer-4711",
    )  # fmt: skip
    email = factories.OutgoingEmailFactory.create(
        subscriber=person, subject="Dear Augusta", text=f"To {person.email}",
        last_error=f"550 {person.email}",
    )  # fmt: skip
    factories.StepRunFactory.create(enrollment=run, email=email, error=f"550 {person.email}")
    url = f"https://shop.example/?for={person.email}"
    factories.MailActivityFactory.create(email=email, kind="clicked", url=url)
    factories.SubscriberTagFactory.create(subscriber=person)
    factories.ListMembershipFactory.create(subscriber=person)
    factories.ConfirmationFactory.create(subscriber=person)
    hashed = address_hash(workspace.address_hash_key, person.email_key)
    factories.ConsentRecordFactory.create(
        subscriber=person, address_hash=hashed, ip="192.0.2.1", reason="Augusta phoned"
    )
    factories.ConsentRecordFactory.create(
        subscriber=None, workspace=workspace, address_hash=hashed, reason=f"550 {person.email}"
    )
    suppressions.suppress(
        workspace=workspace, address=person.email, reason=Suppression.Reason.HARD_BOUNCE,
        source=SuppressionSource.SMTP, details=f"550 {person.email}", now=NOON,
    )  # fmt: skip
    suppression = Suppression.objects.get(workspace=workspace, address_hash=hashed)
    for row in (person, email, run, suppression):
        log(row, f"Augusta Kingsley, {person.email}")
    log(workspace, f"Sent a test to {person.email}")
    keep_answer(workspace, {"subscriber": {"id": person.public_id, "externalId": "customer-4711"}})
    keep_answer(workspace, {"email": person.email}, key=f"for-{person.email}")
    keep_answer(workspace, {}, path=f"/api/v1/subscribers/{person.public_id}/tags")
    rejected = import_run(
        workspace, files=[f"{person.email}.csv"], last_error=f"Died at {person.email}."
    )
    reject(rejected, {"email": person.email.upper(), "firstName": "Augusta"})
    reject(rejected, {"user_id": "customer-4711", "name": "Augusta"})
    reject(rejected, {"name": "Kingsley"}, reason=f"{person.email} has another externalId.")


def test_the_whole_database_holds_nothing_but_the_hash(person: Subscriber) -> None:
    leave_traces(person)
    names = [
        person.email, KEY, "bcher-kva", "customer-4711", "Augusta", "Kingsley", "Enchantress",
        person.pk.hex, str(person.pk), "192.0.2.",
    ]  # fmt: skip
    before = {name: len(rows_with(name)) for name in names}

    erase(person)

    assert all(before[name] for name in names if name not in {person.pk.hex, str(person.pk)})
    assert {name: rows_with(name) for name in names} == {name: [] for name in names}
    hashed = address_hash(person.workspace.address_hash_key, KEY)
    assert len(rows_with(hashed)) == 2
    assert suppressions.is_suppressed(workspace=person.workspace, email_key=KEY)


def test_the_ledger_s_last_line_says_who_erased_and_nothing_else(person: Subscriber) -> None:
    leave_traces(person)

    erase(person)

    line = ConsentRecord.objects.get()
    assert (line.kind, line.actor, line.at) == ("erased", "grace", NOON)
    assert (line.subscriber, line.ip, line.user_agent, line.reason) == (None, None, "", "")
    assert line.address_hash == address_hash(person.workspace.address_hash_key, KEY)


def test_what_kept_mail_from_them_stays_as_its_reason_and_hash(person: Subscriber) -> None:
    suppressions.suppress(
        workspace=person.workspace, address=person.email, reason=Suppression.Reason.COMPLAINT,
        source=SuppressionSource.WEBHOOK, details="spam", now=NOON,
    )  # fmt: skip

    erased = erase(person, allows_return=True)

    kept = Suppression.objects.get()
    assert (kept.reason, kept.email, kept.details) == ("complaint", "", "")
    assert erased.is_suppressed


@pytest.mark.parametrize("allows_return", [True, False])
def test_who_was_not_suppressed_may_come_back_only_if_that_is_said(
    person: Subscriber, allows_return: bool
) -> None:
    erased = erase(person, allows_return=allows_return)

    reasons = list(Suppression.objects.values_list("reason", "source", "bounces"))
    assert reasons == ([] if allows_return else [("erased", "erasure", 0)])
    assert erased.is_suppressed is not allows_return


def test_what_a_server_says_later_does_not_bring_the_address_back(person: Subscriber) -> None:
    erase(person)

    suppressions.note_refusal(
        workspace=person.workspace, subscriber_id=person.pk, recipient=person.email,
        error=f"550 no {person.email}", now=NOON,
    )  # fmt: skip

    assert Suppression.objects.get().reason == "hard_bounce"
    assert rows_with(person.email) == []


def test_an_operator_who_knows_the_address_can_remove_the_suppression(person: Subscriber) -> None:
    erase(person)

    lifted = suppressions.lift(
        workspace=person.workspace, address=ADDRESS, reason="They asked.",
        source=SuppressionSource.ADMIN, now=NOON,
    )  # fmt: skip

    assert lifted is not None
    assert not Suppression.objects.exists()


def test_nobody_else_loses_anything(person: Subscriber) -> None:
    workspace = person.workspace
    other = factories.SubscriberFactory.create(
        workspace=workspace, email=f"grada.{person.email}", external_id="4711"
    )
    abroad = factories.SubscriberFactory.create(email=person.email, email_key=KEY)
    for each in (other, abroad):
        factories.EventFactory.create(subscriber=each)
        factories.OutgoingEmailFactory.create(subscriber=each)
        factories.EnrollmentFactory.create(subscriber=each, version__workspace=each.workspace)
    # Their names are parts of the other's, and the other way round.
    keep_answer(workspace, {"email": other.email, "externalId": "customer-4711-b"})
    keep_answer(abroad.workspace, {"email": abroad.email})
    rejected = import_run(workspace)
    reject(rejected, {"email": other.email})
    reject(rejected, {"email": "bob@example.com", "plan": "customer-4711"})
    log(other, f"About {other.email}")

    erase(person)

    assert set(Subscriber.objects.all()) == {other, abroad}
    for model in (Event, OutgoingEmail, Enrollment):
        assert model._default_manager.count() == 2
    assert IdempotentRequest.objects.count() == 2
    assert ImportReject.objects.count() == 2
    assert LogEntry.objects.get().change_message == f"About {other.email}"


def test_an_address_that_mail_went_to_before_goes_too(person: Subscriber) -> None:
    factories.OutgoingEmailFactory.create(subscriber=person, recipient="old@example.org")
    suppressions.suppress(
        workspace=person.workspace, address="old@example.org", source=SuppressionSource.WEBHOOK,
        reason=Suppression.Reason.MANUAL, now=NOON,
    )  # fmt: skip
    Suppression.objects.update(email="old@example.org")
    keep_answer(person.workspace, {"email": "old@example.org"})

    erase(person)

    assert rows_with("old@example.org") == []
    assert suppressions.is_suppressed(workspace=person.workspace, email_key="old@example.org")


def test_many_events_go_in_portions_and_the_roll_ups_follow(
    person: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.services.people.erasing.MOST_AT_ONCE", 3)
    definition = factories.EventDefinitionFactory.create(workspace=person.workspace)
    other = factories.SubscriberFactory.create(workspace=person.workspace)
    for number in range(8):
        at = NOON - timedelta(hours=6 * number)
        factories.EventFactory.create(
            subscriber=person, definition=definition, occurred_at=at, received_at=NOON
        )
    factories.EventFactory.create(subscriber=other, definition=definition)
    # The ids are of now: the hour is found by them.
    now = datetime.now(tz=UTC)
    Event.objects.update(received_at=now)
    roll_ups.roll_up(now=now, since=now - timedelta(hours=2))

    erased = erase(person)

    assert erased.events == 8
    assert Event.objects.get().subscriber == other
    counts = EventCount.objects.values_list("unit", "count")
    assert sorted(counts) == [("day", 1), ("hour", 1)]


def test_an_interrupted_erasure_continues_when_repeated(person: Subscriber) -> None:
    leave_traces(person)
    # What a process left that died after a portion.
    Event.objects.all().delete()
    StepRun.objects.all().delete()

    erase(person)

    assert not Subscriber.objects.exists()
    with pytest.raises(erasing.SubscriberGone):
        erase(person)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_event_under_way_is_waited_for_and_goes_too(person: Subscriber) -> None:
    definition = factories.EventDefinitionFactory.create(workspace=person.workspace)

    def record() -> None:
        factories.EventFactory.create(subscriber=person, definition=definition)
        with connection.cursor() as cursor:
            # The key is checked now, as at a commit: that locks the person against deletion.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with uncommitted(record) as opened, beside(lambda: erase(person)):
        wait_until_somebody_waits_for_a_lock()
        opened.commit()

    assert not Event.objects.exists()
    assert not Subscriber.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_batch_under_way_keeps_its_counts_and_no_rejected_row_of_theirs(
    person: Subscriber,
) -> None:
    """A command's import, which goes on after the erasure."""
    run = import_run(person.workspace, files=[f"{person.email}.csv"], reasons={"old": 1})
    row = Row(
        file_index=0, line=2, fields={"email": person.email}, end_offset=9, end_line=3
    )  # fmt: skip
    refused = runs.Rejected(row, (Fault("name", "is missing."),))
    counted = runs.Counted()
    counted.reject(refused)

    def checkpoint() -> None:
        runs.checkpoint(
            run=run,
            counted=counted,
            place=row.after,
            rejects=[refused],
            rejects_bytes=0,
            now=NOON,
        )

    with uncommitted(checkpoint) as opened, beside(lambda: erase(person)):
        wait_until_somebody_waits_for_a_lock()
        opened.commit()

    token = run.token
    run.refresh_from_db()
    assert run.reasons == {"old": 1, "name is missing.": 1}
    assert (run.rows, run.rejected, run.token) == (1, 1, token)
    assert run.files == ["[erased].csv"]
    assert not ImportReject.objects.exists()
