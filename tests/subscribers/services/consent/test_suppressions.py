"""Addresses that get no mail: put down, counted, lifted, and what remains of erased people."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from events.models import Enrollment
from subscribers.models import Confirmation, ConsentRecord, Subscriber, Suppression, Workspace
from subscribers.services.consent import suppressions, unsubscribing
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.wire.addresses import InvalidAddress
from tests import factories
from tests.support.beside import beside

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Reason = Suppression.Reason
HARD, COMPLAINT, MANUAL = Reason.HARD_BOUNCE, Reason.COMPLAINT, Reason.MANUAL
STATUSES = ["pending", "active", "unsubscribed", "bounced", "complained"]


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="Ada@example.com")


def suppress(
    workspace: Workspace, address: str = "ada@example.com", reason: Reason = HARD, **given: object
) -> Suppression:
    return suppressions.suppress(
        workspace=workspace,
        address=address,
        reason=reason,
        **{"source": SuppressionSource.WEBHOOK, "now": NOON, **given},  # type: ignore[arg-type]
    )


def lift(workspace: Workspace, address: str = "ada@example.com") -> suppressions.Lifted | None:
    return suppressions.lift(
        workspace=workspace,
        address=address,
        reason="They asked.",
        source=SuppressionSource.ADMIN,
        now=NOON,
    )


def kinds() -> list[str]:
    return list(ConsentRecord.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize(
    ("reason", "after"), [(HARD, "bounced"), (COMPLAINT, "complained"), (MANUAL, None)]
)
def test_the_address_s_subscriber_gets_the_status_of_the_reason(
    person: Subscriber, before: str, reason: Reason, after: str | None
) -> None:
    Subscriber.objects.update(status=before)

    suppress(person.workspace, reason=reason)

    person.refresh_from_db()
    # A complaint says more than a bounce.
    expected = before if after is None or before == "complained" else after
    assert person.status == expected
    assert suppressions.is_suppressed(workspace=person.workspace, email_key="ada@example.com")


def test_every_form_of_the_address_is_meant_and_no_other_nor_another_workspace_s(
    person: Subscriber,
) -> None:
    elsewhere = factories.SubscriberFactory.create(email="ada@example.com")

    suppress(person.workspace, "ADA@EXAMPLE.COM")

    def is_suppressed(workspace: Workspace, key: str) -> bool:
        return suppressions.is_suppressed(workspace=workspace, email_key=key)

    elsewhere.refresh_from_db()
    assert is_suppressed(person.workspace, "ada@example.com")
    assert not is_suppressed(person.workspace, "ada+1@example.com")
    assert not is_suppressed(elsewhere.workspace, "ada@example.com")
    assert elsewhere.status == "active"
    assert (
        suppressions.reason_to_skip(workspace=person.workspace, recipient="Ada@example.com")
        == "suppressed"
    )
    found = suppressions.find(workspace=person.workspace, email_key="ada@example.com")
    assert found == Suppression.objects.get()


def test_what_is_no_address_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidAddress):
        suppress(workspace, "nobody")

    assert not Suppression.objects.exists()


def test_it_ends_what_is_under_way_and_the_open_question(person: Subscriber) -> None:
    enrollment = factories.EnrollmentFactory.create(workspace=person.workspace, subscriber=person)
    factories.ConfirmationFactory.create(subscriber=person)

    suppress(person.workspace)

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == (Enrollment.Status.STOPPED, "suppressed")
    assert Confirmation.objects.get().closed_at == NOON


def test_the_ledger_says_by_whom_and_why(person: Subscriber) -> None:
    suppress(
        person.workspace,
        reason=MANUAL,
        source=SuppressionSource.ADMIN,
        details="They\r\nphoned",
        circumstances=Circumstances(actor="grace", ip="192.0.2.1"),
    )

    line = ConsentRecord.objects.get()
    assert (line.kind, line.method, line.reason) == ("suppressed", "admin", "They phoned")
    assert (line.actor, line.ip, line.subscriber, line.at) == ("grace", "192.0.2.1", person, NOON)


def test_a_report_that_comes_again_counts_and_says_nothing_new(person: Subscriber) -> None:
    first = suppress(person.workspace, details="550 first")

    again = suppress(person.workspace, details="550 again", now=NOON + timedelta(days=1))

    stored = Suppression.objects.get()
    assert again.pk == first.pk == stored.pk
    assert (stored.bounces, stored.details, stored.created_at) == (2, "550 first", NOON)
    assert kinds() == ["suppressed"]


def test_the_gravest_reason_stays(person: Subscriber) -> None:
    reasons = []
    for reason in (MANUAL, HARD, COMPLAINT, HARD, MANUAL):
        suppress(person.workspace, reason=reason)
        reasons.append(Suppression.objects.get().reason)

    person.refresh_from_db()
    assert reasons == [MANUAL, HARD, COMPLAINT, COMPLAINT, COMPLAINT]
    assert Suppression.objects.get().bounces == 2
    assert person.status == "complained"
    assert kinds() == ["suppressed"] * 3


@pytest.mark.parametrize("claim", [SuppressionSource.API, SuppressionSource.IMPORT])
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (SuppressionSource.SMTP, HARD),
        (SuppressionSource.WEBHOOK, HARD),
        (SuppressionSource.MAIL, HARD),
        (SuppressionSource.ADMIN, MANUAL),
    ],
)
@pytest.mark.parametrize("is_claim_first", [True, False])
def test_a_claim_gives_way_to_whoever_vouches(
    person: Subscriber,
    claim: SuppressionSource,
    source: SuppressionSource,
    reason: Reason,
    is_claim_first: bool,
) -> None:
    reports = [(HARD, claim, "said so"), (reason, source, "550 No such user")]

    for why, who, details in reports if is_claim_first else reversed(reports):
        suppress(person.workspace, reason=why, source=who, details=details)

    stored = Suppression.objects.get()
    assert (stored.reason, stored.source, stored.details) == (HARD, source, "550 No such user")
    assert kinds() == ["suppressed"] * (2 if is_claim_first or reason == MANUAL else 1)


def test_a_claimed_bounce_of_an_erased_person_is_no_claim_any_more(person: Subscriber) -> None:
    suppress(person.workspace, source=SuppressionSource.API)

    suppressions.keep_hash(workspace=person.workspace, email_key=person.email_key, now=NOON)

    stored = Suppression.objects.get()
    assert (stored.reason, stored.source) == (HARD, SuppressionSource.ERASURE)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        (SuppressionSource.ADMIN, "Bo@example.com"),
        (SuppressionSource.API, "Bo@example.com"),
        (SuppressionSource.SMTP, ""),
    ],
)
def test_an_address_without_a_subscriber_is_stored_in_clear_only_if_a_person_gave_it(
    workspace: Workspace, source: SuppressionSource, kept: str
) -> None:
    suppress(workspace, "Bo@example.com", source=source)

    assert Suppression.objects.get().email == kept
    assert suppressions.is_suppressed(workspace=workspace, email_key="bo@example.com")
    assert ConsentRecord.objects.get().subscriber is None


def test_an_erased_person_s_hash_stays_and_holds_for_a_new_subscriber(
    person: Subscriber, settings: Settings
) -> None:
    workspace = person.workspace
    suppress(workspace, details="550 <ada@example.com>: unknown")
    suppressions.forget_address(workspace=workspace, email_key="ada@example.com")
    person.delete()

    suppress(workspace, details="late: <ada@example.com>")
    settings.SECRET_KEY = "another-" * 10
    factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")

    stored = Suppression.objects.get()
    assert (stored.email, stored.details) == ("", "")
    assert suppressions.is_suppressed(workspace=workspace, email_key="ada@example.com")


@pytest.mark.parametrize("before", ["active", "pending", "unsubscribed"])
def test_removing_a_bounce_restores_the_earlier_status(person: Subscriber, before: str) -> None:
    Subscriber.objects.update(status=before)
    if before == "pending":
        factories.ConfirmationFactory.create(subscriber=person)
    suppress(person.workspace)

    lifted = lift(person.workspace)

    person.refresh_from_db()
    assert person.status == before
    assert lifted is not None
    assert lifted.is_reactivated is (before == "active")
    assert not suppressions.is_suppressed(workspace=person.workspace, email_key="ada@example.com")
    line = ConsentRecord.objects.latest("id")
    assert (line.kind, line.method, line.reason) == ("released", "admin", "They asked.")


def test_a_confirmed_person_is_active_after_the_removal(person: Subscriber) -> None:
    factories.ConfirmationFactory.create(subscriber=person, confirmed_at=NOON, closed_at=NOON)
    suppress(person.workspace)

    lift(person.workspace)

    person.refresh_from_db()
    assert person.status == "active"


def test_an_unsubscribe_after_a_bounce_holds_after_the_removal(person: Subscriber) -> None:
    suppress(person.workspace)
    for _ in range(2):
        unsubscribing.leave(
            subscriber_ids=[person.pk], now=NOON, method=unsubscribing.UnsubscribeMethod.ONE_CLICK
        )
    while_bounced = Subscriber.objects.get().status

    lifted = lift(person.workspace)

    assert while_bounced == "bounced"
    assert lifted is not None
    assert not lifted.is_reactivated
    assert Subscriber.objects.get().status == "unsubscribed"
    assert kinds() == ["suppressed", "left", "released"]


def test_a_complained_person_is_unsubscribed_after_the_removal(person: Subscriber) -> None:
    suppress(person.workspace, reason=COMPLAINT)

    lifted = lift(person.workspace)

    person.refresh_from_db()
    assert (person.status, person.unsubscribed_at) == ("unsubscribed", NOON)
    assert lifted == suppressions.Lifted(person, is_reactivated=False)


def test_removing_twice_or_without_a_suppression_changes_nothing(person: Subscriber) -> None:
    suppress(person.workspace)
    lift(person.workspace)

    again = lift(person.workspace)

    assert again is None
    assert kinds() == ["suppressed", "released"]


def test_a_refusal_suppresses_the_mail_s_address_and_not_a_later_one(
    person: Subscriber,
) -> None:
    workspace = person.workspace
    Subscriber.objects.update(email="new@example.com", email_key="new@example.com")

    suppressions.note_refusal(
        workspace=workspace,
        subscriber_id=person.pk,
        recipient="ada@example.com",
        error="550 5.1.1 No",
        now=NOON,
    )

    person.refresh_from_db()
    assert person.status == "active"
    assert not suppressions.is_suppressed(workspace=workspace, email_key="new@example.com")
    assert suppressions.is_suppressed(workspace=workspace, email_key="ada@example.com")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_known", [True, False])
def test_reports_at_the_same_moment_make_one_row_and_all_count(
    workspace: Workspace, is_known: bool
) -> None:
    if is_known:
        factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")

    for _ in range(4):
        with (
            beside(lambda: suppress(workspace)),
            beside(lambda: suppress(workspace)),
            beside(lambda: suppress(workspace)),
            beside(lambda: suppress(workspace)),
        ):
            pass

    assert Suppression.objects.get().bounces == 16
    assert kinds() == ["suppressed"]
