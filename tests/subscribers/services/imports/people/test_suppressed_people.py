"""Tests of people who come in suppressed, or whose address is already."""

from datetime import UTC, datetime
from typing import Any

import pytest

from subscribers.models import (
    Confirmation,
    ConsentRecord,
    OutgoingEmail,
    Subscriber,
    Suppression,
    Workspace,
)
from subscribers.services.consent import suppressions
from subscribers.services.consent.ledger import NOTHING_KNOWN
from subscribers.services.imports.people import OptInMode
from subscribers.services.people import erasing
from subscribers.wire.address_hashes import address_hash
from tests import factories
from tests.support.importing_people import NOW, import_rows

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"
EARLIER = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
STATED = "2025-03-01T09:30:00Z"


def the_person() -> Subscriber:
    return Subscriber.objects.select_related("workspace").get()


def kinds() -> list[str]:
    return list(ConsentRecord.objects.order_by("id").values_list("kind", flat=True))


def put_down(workspace: Workspace, reason: str, *, email: str = "", **columns: str) -> None:
    factories.SuppressionFactory.create(
        workspace=workspace,
        reason=reason,
        email=email,
        address_hash=address_hash(workspace.address_hash_key, ADA),
        **columns,
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [("bounced", Suppression.Reason.HARD_BOUNCE), ("complained", Suppression.Reason.COMPLAINT)],
)
def test_who_bounced_or_complained_is_suppressed(status: str, reason: str) -> None:
    workspace = factories.WorkspaceFactory.create()

    import_rows(workspace, {"email": ADA, "status": status})

    found = suppressions.find(workspace=workspace, email_key=ADA)
    assert found is not None
    assert (found.reason, found.source, found.email) == (reason, "import", ADA)


def test_a_claimed_bounce_does_not_take_the_place_of_an_operator_s_word() -> None:
    workspace = factories.WorkspaceFactory.create()
    put_down(workspace, "manual", source="admin", details="They phoned")

    import_rows(workspace, {"email": ADA, "status": "bounced"})

    found = suppressions.find(workspace=workspace, email_key=ADA)
    assert found is not None
    assert (found.reason, found.source, found.details) == ("hard_bounce", "admin", "They phoned")


@pytest.mark.parametrize("row", [{}, {"status": "active"}, {"status": "unsubscribed"}])
@pytest.mark.parametrize(
    ("reason", "status"),
    [("hard_bounce", "bounced"), ("complaint", "complained")],
)
def test_a_suppressed_address_comes_in_as_what_it_is(
    row: dict[str, Any], reason: str, status: str
) -> None:
    workspace = factories.WorkspaceFactory.create()
    put_down(workspace, reason)

    import_rows(workspace, {"email": ADA, **row}, mode=OptInMode.CONFIRMED)

    assert the_person().status == status


@pytest.mark.parametrize("reason", ["manual", "erased"])
def test_an_address_suppressed_by_an_operator_or_erasure_gets_no_mail_whatever_the_row_says(
    reason: str,
) -> None:
    workspace = factories.WorkspaceFactory.create()
    put_down(workspace, reason)

    import_rows(workspace, {"email": ADA, "status": "active"})

    assert the_person().status == Subscriber.Status.ACTIVE
    assert suppressions.reason_to_skip(workspace=workspace, recipient=ADA) == "suppressed"


def test_nobody_suppressed_is_asked() -> None:
    workspace = factories.WorkspaceFactory.create(double_opt_in=True)
    put_down(workspace, "manual")

    imported = import_rows(workspace, {"email": ADA})

    assert imported.counted.confirmations_queued == 0
    assert the_person().status == Subscriber.Status.PENDING
    assert Confirmation.objects.get().closed_at is None
    assert not OutgoingEmail.objects.exists()


def test_a_graver_reason_replaces_the_one_that_is_there() -> None:
    workspace = factories.WorkspaceFactory.create()
    put_down(workspace, "manual", source="api")

    import_rows(workspace, {"email": ADA, "status": "bounced"})

    found = suppressions.find(workspace=workspace, email_key=ADA)
    assert found is not None
    assert (found.reason, found.source, found.email) == ("hard_bounce", "import", ADA)
    assert kinds() == ["suppressed"]


def test_a_lesser_reason_changes_nothing() -> None:
    workspace = factories.WorkspaceFactory.create()
    put_down(workspace, "complaint")

    import_rows(workspace, {"email": ADA, "status": "bounced"})

    found = suppressions.find(workspace=workspace, email_key=ADA)
    assert found is not None
    assert found.reason == "complaint"
    assert (the_person().status, kinds()) == ("complained", [])


def test_somebody_erased_is_still_suppressed_when_they_come_in_again() -> None:
    workspace = factories.WorkspaceFactory.create()
    import_rows(workspace, {"email": ADA, "firstName": "Ada"})
    erasing.erase(subscriber_id=the_person().pk, circumstances=NOTHING_KNOWN, now=NOW)

    import_rows(workspace, {"email": ADA, "firstName": "Ada"})

    assert the_person().first_name == "Ada"
    assert suppressions.reason_to_skip(workspace=workspace, recipient=ADA) == "suppressed"


def test_a_bounce_before_confirmation_becomes_pending_when_the_suppression_is_removed() -> None:
    workspace = factories.WorkspaceFactory.create(double_opt_in=True)
    put_down(workspace, "hard_bounce")
    import_rows(workspace, {"email": ADA})

    suppressions.lift(workspace=workspace, address=ADA, reason="", source="admin", now=NOW)

    assert the_person().status == Subscriber.Status.PENDING


def test_an_unsubscribe_before_a_bounce_holds_when_the_suppression_is_removed() -> None:
    workspace = factories.WorkspaceFactory.create()
    import_rows(workspace, {"email": ADA, "status": "bounced", "unsubscribedAt": STATED})

    suppressions.lift(workspace=workspace, address=ADA, reason="", source="admin", now=NOW)

    person = the_person()
    assert (person.status, person.unsubscribed_at) == ("unsubscribed", EARLIER)
