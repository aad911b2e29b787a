"""Merging: two rows that are one person become one, with all that either had."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from events.models import Enrollment, Event, EventCount, Sequence
from events.services.counts import roll_ups
from subscribers.models import (
    ConsentRecord,
    ListMembership,
    MailActivity,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
    Suppression,
    Workspace,
)
from subscribers.services.consent import suppressions, unsubscribing
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.people import erasing, merging
from subscribers.wire.address_hashes import address_hash
from tests import factories
from tests.support.asking_people import ask
from tests.support.searching import rows_with

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Status = Subscriber.Status
EnrollmentStatus = Enrollment.Status


@pytest.fixture
def kept(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")


@pytest.fixture
def gone(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="lovelace@example.org")


def merge(kept: Subscriber, gone: Subscriber, **given: Any) -> merging.Merged:
    merged = merging.merge(
        kept_id=kept.pk,
        gone_id=gone.pk,
        now=NOON,
        **{
            "attributes_bytes": 65536,
            "circumstances": Circumstances(actor="grace"),
            **given,
        },
    )
    kept.refresh_from_db()
    return merged


def enrollment_of(
    person: Subscriber, sequence: Sequence | None = None, **columns: Any
) -> Enrollment:
    """Enroll a person in a sequence, a new one unless given."""
    if sequence is not None:
        version = sequence.versions.get()
        columns |= {"version": version, "step": version.steps.get()}
    else:
        columns["version__workspace"] = person.workspace
    return factories.EnrollmentFactory.create(subscriber=person, **columns)


def test_all_that_one_had_becomes_the_other_s(kept: Subscriber, gone: Subscriber) -> None:
    event = factories.EventFactory.create(subscriber=gone)
    enrollment = enrollment_of(gone, started_by=event)
    factories.OutgoingEmailFactory.create(subscriber=gone, sent=True)
    factories.SubscriberTagFactory.create(subscriber=gone)
    factories.ListMembershipFactory.create(subscriber=gone)
    factories.ConsentRecordFactory.create(subscriber=gone)

    merged = merge(kept, gone)

    assert (merged.history.events, merged.history.enrollments, merged.mails) == (1, 1, 1)
    assert (merged.tags, merged.lists) == (1, 1)
    assert list(Subscriber.objects.all()) == [kept]
    for model in (Event, Enrollment, OutgoingEmail, SubscriberTag, ListMembership, ConsentRecord):
        owners = model._default_manager.values_list("subscriber", flat=True)
        assert set(owners) == {kept.pk}, model
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.started_by) == (EnrollmentStatus.ACTIVE, event)


def test_who_stays_keeps_what_they_have_and_takes_what_they_miss(workspace: Workspace) -> None:
    kept = factories.SubscriberFactory.create(
        workspace=workspace, first_name="Ada", attributes={"plan": "pro"}, created_at=NOON
    )
    gone = factories.SubscriberFactory.create(
        workspace=workspace, first_name="A.", last_name="Lovelace", external_id="user-1",
        timezone="Europe/London", attributes={"plan": "free", "team": 3},
        created_at=NOON - timedelta(days=9),
    )  # fmt: skip
    address = kept.email

    merged = merge(kept, gone)

    assert (kept.email, kept.external_id, kept.timezone) == (address, "user-1", "Europe/London")
    assert (kept.first_name, kept.last_name) == ("Ada", "Lovelace")
    assert kept.attributes == {"plan": "pro", "team": 3}
    assert kept.created_at == NOON - timedelta(days=9)
    assert not merged.is_without_attributes


def test_an_external_id_stays_and_attributes_that_are_too_long_are_left(
    workspace: Workspace,
) -> None:
    kept = factories.SubscriberFactory.create(workspace=workspace, external_id="user-1")
    gone = factories.SubscriberFactory.create(
        workspace=workspace, external_id="user-2", attributes={"note": "x" * 50}
    )

    merged = merge(kept, gone, attributes_bytes=40)

    assert (kept.external_id, kept.attributes) == ("user-1", {})
    assert merged.is_without_attributes


@pytest.mark.parametrize(
    ("stays", "goes", "after"),
    [
        ("active", "active", "active"),
        ("active", "pending", "active"),
        ("pending", "active", "pending"),
        ("pending", "pending", "pending"),
        ("active", "unsubscribed", "unsubscribed"),
        ("pending", "unsubscribed", "unsubscribed"),
        ("unsubscribed", "active", "unsubscribed"),
        # The address that bounces is gone.
        ("active", "bounced", "active"),
        ("bounced", "active", "bounced"),
        ("bounced", "unsubscribed", "bounced"),
        ("active", "complained", "complained"),
        ("bounced", "complained", "complained"),
        ("complained", "active", "complained"),
    ],
)
def test_the_stricter_status_holds(
    kept: Subscriber, gone: Subscriber, stays: str, goes: str, after: str
) -> None:
    for person, status in ((kept, stays), (gone, goes)):
        left = NOON - timedelta(days=1) if status == "unsubscribed" else None
        Subscriber.objects.filter(pk=person.pk).update(status=status, unsubscribed_at=left)

    merged = merge(kept, gone)

    assert kept.status == merged.status == after
    assert unsubscribing.has_left(kept) == ("unsubscribed" in {stays, goes})


def test_a_complaint_keeps_mail_from_the_address_that_stays(
    kept: Subscriber, gone: Subscriber
) -> None:
    Subscriber.objects.filter(pk=gone.pk).update(status="complained")
    enrollment = enrollment_of(kept)

    merge(kept, gone)

    enrollment.refresh_from_db()
    found = Suppression.objects.get()
    assert (found.email, found.reason) == ("ada@example.com", "complaint")
    assert (enrollment.status, enrollment.reason) == (EnrollmentStatus.STOPPED, "suppressed")


def test_enrollments_of_both_stop_when_one_of_them_has_left(
    kept: Subscriber, gone: Subscriber
) -> None:
    Subscriber.objects.filter(pk=gone.pk).update(status="unsubscribed", unsubscribed_at=NOON)
    enrollments = [enrollment_of(kept), enrollment_of(gone)]

    merge(kept, gone)

    statuses = Enrollment.objects.filter(pk__in=[enrollment.pk for enrollment in enrollments])
    assert set(statuses.values_list("status", "reason")) == {("stopped", "unsubscribed")}


def test_what_waited_for_a_confirmation_begins_with_somebody_active(
    kept: Subscriber, gone: Subscriber
) -> None:
    Subscriber.objects.filter(pk=gone.pk).update(status="pending")
    enrollment = enrollment_of(gone, waiting_confirmation=True)

    merge(kept, gone)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.due_at) == (EnrollmentStatus.ACTIVE, NOON)


def test_what_was_under_way_waits_for_somebody_pending(kept: Subscriber, gone: Subscriber) -> None:
    Subscriber.objects.filter(pk=kept.pk).update(status="pending")
    enrollment = enrollment_of(gone)
    paused = enrollment_of(gone, paused=True)

    merge(kept, gone)

    enrollment.refresh_from_db()
    paused.refresh_from_db()
    assert (enrollment.status, enrollment.due_at) == (EnrollmentStatus.WAITING_CONFIRMATION, None)
    assert (paused.status, paused.status_before_pause) == ("paused", "waiting_confirmation")


def test_nobody_is_in_a_sequence_twice(kept: Subscriber, gone: Subscriber) -> None:
    stays = enrollment_of(kept)
    doubled = enrollment_of(gone, stays.sequence)
    ended = enrollment_of(gone, stays.sequence, completed=True, entry_slot=None)

    merged = merge(kept, gone)

    for enrollment in (stays, doubled, ended):
        enrollment.refresh_from_db()
    assert merged.history.cancelled == 1
    assert (stays.status, stays.entry_slot) == (EnrollmentStatus.ACTIVE, "")
    assert (doubled.status, doubled.reason, doubled.entry_slot) == ("cancelled", "merged", None)
    assert ended.status == EnrollmentStatus.COMPLETED
    assert doubled.due_at is None


def test_who_was_in_a_sequence_that_is_entered_once_does_not_go_on_in_it(
    kept: Subscriber, gone: Subscriber
) -> None:
    before = enrollment_of(kept, completed=True)
    under_way = enrollment_of(gone, before.sequence)

    merge(kept, gone)

    under_way.refresh_from_db()
    assert under_way.status == EnrollmentStatus.CANCELLED


def test_a_claimed_enrollment_is_claimed_anew(kept: Subscriber, gone: Subscriber) -> None:
    enrollment = enrollment_of(gone, lease_token=gone.pk, lease_expires_at=NOON)

    merge(kept, gone)

    enrollment.refresh_from_db()
    assert (enrollment.lease_token, enrollment.lease_expires_at, enrollment.due_at) == (
        None,
        None,
        NOON,
    )


def test_an_event_that_both_have_is_dropped_and_its_enrollment_goes_on_with_the_other_s(
    kept: Subscriber, gone: Subscriber
) -> None:
    definition = factories.EventDefinitionFactory.create(workspace=kept.workspace)
    now = datetime.now(tz=UTC)
    both = {"definition": definition, "event_id": "order-1", "received_at": now}
    twin = factories.EventFactory.create(subscriber=kept, **both)
    repeated = factories.EventFactory.create(subscriber=gone, **both)
    factories.EventFactory.create(
        subscriber=gone, definition=definition, event_id="order-2", received_at=now
    )
    enrollment = enrollment_of(gone, started_by=repeated, released_by=repeated.pk)
    roll_ups.roll_up(now=now, since=now - timedelta(hours=2))

    merged = merge(kept, gone)

    enrollment.refresh_from_db()
    assert (merged.history.events, merged.history.duplicates) == (1, 1)
    assert set(Event.objects.values_list("event_id", flat=True)) == {"order-1", "order-2"}
    assert Event.objects.count() == 2
    assert (enrollment.started_by, enrollment.released_by) == (twin, twin.pk)
    assert set(EventCount.objects.values_list("count", flat=True)) == {2}


def test_a_list_that_one_of_them_left_is_left(kept: Subscriber, gone: Subscriber) -> None:
    membership = factories.ListMembershipFactory.create(subscriber=kept)
    factories.ListMembershipFactory.create(
        subscriber=gone, list=membership.list, unsubscribed_at=NOON
    )

    merge(kept, gone)

    assert ListMembership.objects.get().unsubscribed_at == NOON


def test_mail_that_waits_goes_to_the_address_that_stays(kept: Subscriber, gone: Subscriber) -> None:
    waiting = factories.OutgoingEmailFactory.create(subscriber=gone)
    sent = factories.OutgoingEmailFactory.create(subscriber=gone, sent=True)

    merge(kept, gone)

    waiting.refresh_from_db()
    sent.refresh_from_db()
    assert (waiting.recipient, waiting.status) == ("ada@example.com", "queued")
    assert sent.recipient == "lovelace@example.org"


def test_the_question_to_the_address_that_goes_ends(kept: Subscriber, gone: Subscriber) -> None:
    Workspace.objects.update(from_email="hi@acme.example")
    Subscriber.objects.filter(pk=gone.pk).update(status="pending")
    ask(gone)

    merge(kept, gone)

    mail = OutgoingEmail.objects.get()
    assert (mail.status, mail.reason, mail.due_at) == ("skipped", "confirmation_closed", None)
    assert not kept.confirmations.exists()


def test_links_in_old_mails_still_lead_to_the_person(kept: Subscriber, gone: Subscriber) -> None:
    old_link = unsubscribing.link_token(gone)
    first = factories.SubscriberFactory.create(workspace=kept.workspace)
    merge(kept, gone)
    merge(first, kept)

    unsubscribing.leave_by_link(
        token=old_link, now=NOON, method=unsubscribing.UnsubscribeMethod.PAGE
    )

    first.refresh_from_db()
    assert first.status == Status.UNSUBSCRIBED
    assert unsubscribing.owner_of(gone.pk.hex + "0" * 32) is None


def test_the_ledger_says_so_and_nothing_keeps_mail_from_the_old_address(
    kept: Subscriber, gone: Subscriber
) -> None:
    merge(kept, gone)

    line = ConsentRecord.objects.get()
    key = kept.workspace.address_hash_key
    assert (line.kind, line.actor, line.at) == ("merged", "grace", NOON)
    assert line.subscriber == kept
    assert line.address_hash == address_hash(key, "lovelace@example.org")
    assert not suppressions.is_suppressed(
        workspace=kept.workspace, email_key="lovelace@example.org"
    )


def test_who_was_merged_is_erased_by_both_names(kept: Subscriber, gone: Subscriber) -> None:
    factories.OutgoingEmailFactory.create(subscriber=gone, sent=True)
    suppressions.suppress(
        workspace=gone.workspace, address=gone.email, reason=Suppression.Reason.MANUAL,
        source=SuppressionSource.ADMIN, now=NOON,
    )  # fmt: skip
    LogEntry.objects.create(
        user=User.objects.create(username="grace"), object_id=str(gone.pk),
        content_type=ContentType.objects.get_for_model(Subscriber), object_repr=gone.email,
        action_flag=CHANGE, change_message=f"Suppressed {gone.email}",
    )  # fmt: skip
    merge(kept, gone)

    erasing.erase(subscriber_id=kept.pk, circumstances=NOTHING_KNOWN, now=NOON)

    assert rows_with("lovelace@example.org") == []
    assert not LogEntry.objects.exists()


def test_nothing_is_merged_with_itself_a_stranger_or_nobody(
    kept: Subscriber, gone: Subscriber
) -> None:
    elsewhere = factories.SubscriberFactory.create()

    with pytest.raises(merging.CannotMerge, match="one person already"):
        merge(kept, kept)
    with pytest.raises(merging.CannotMerge, match="two workspaces"):
        merge(kept, elsewhere)
    merge(kept, gone)
    with pytest.raises(merging.CannotMerge, match="gone already"):
        merge(kept, gone)

    assert Subscriber.objects.count() == 2


def test_what_became_of_the_mails_moves_with_them(kept: Subscriber, gone: Subscriber) -> None:
    email = factories.OutgoingEmailFactory.create(subscriber=gone, sent=True)
    factories.MailActivityFactory.create(email=email)

    merge(kept, gone)

    assert [(row.email, row.subscriber) for row in MailActivity.objects.all()] == [(email, kept)]
