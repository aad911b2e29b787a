"""Tests of people who come in by an import: status, consent, suppression, tags, lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscribers.models import (
    Confirmation,
    ConsentRecord,
    OutgoingEmail,
    Subscriber,
)
from subscribers.services.imports.people import OptInMode
from subscribers.wire.address_hashes import address_hash
from tests import factories
from tests.support.importing_people import ACTOR, NOW, import_rows

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"
EARLIER = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
STATED = "2025-03-01T09:30:00Z"


def the_person() -> Subscriber:
    return Subscriber.objects.select_related("workspace").get()


def kinds() -> list[str]:
    return list(ConsentRecord.objects.order_by("id").values_list("kind", flat=True))


def test_every_column_is_stored() -> None:
    workspace = factories.WorkspaceFactory.create()
    row = {
        "email": "Ada@Example.com",
        "externalId": "user_1",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "customAttributes": {"plan": "pro", "gone": None},
        "tags": ["VIP_User", "vip user", "beta"],
        "timezone": "Europe/London",
        "createdAt": STATED,
        "unknown": "ignored",
    }

    imported = import_rows(workspace, row)

    person = the_person()
    assert imported.came_to == (1, 0, 0, 1)
    assert (person.email, person.email_key) == ("Ada@example.com", ADA)
    assert (person.external_id, person.first_name, person.last_name) == (
        "user_1", "Ada", "Lovelace",
    )  # fmt: skip
    assert person.attributes == {"plan": "pro"}
    assert person.timezone == "Europe/London"
    assert (person.created_at, person.updated_at) == (EARLIER, NOW)
    assert person.status == Subscriber.Status.ACTIVE
    names = person.tag_links.values_list("tag__name", flat=True)
    assert sorted(names) == ["beta", "vip-user"]


def test_a_creation_that_has_yet_to_come_is_now() -> None:
    soon = (NOW + timedelta(minutes=4)).isoformat()

    import_rows(factories.WorkspaceFactory.create(), {"email": ADA, "createdAt": soon})

    assert the_person().created_at == NOW


@pytest.mark.parametrize("field", ["createdAt", "unsubscribedAt", "consentAt"])
def test_a_time_far_ahead_is_refused(field: str) -> None:
    row = {"email": ADA, field: (NOW + timedelta(hours=1)).isoformat()}

    imported = import_rows(factories.WorkspaceFactory.create(), row)

    message = "is more than 300 seconds ahead of the server's clock."
    assert imported.faults == [(1, field, message)]
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    ("row", "mode", "double_opt_in", "status", "lines"),
    [
        ({}, OptInMode.DEFAULT, False, "active", []),
        ({"consentAt": STATED}, OptInMode.DEFAULT, False, "active", ["confirmed"]),
        ({"status": "pending"}, OptInMode.DEFAULT, False, "pending", []),
        ({}, OptInMode.DEFAULT, True, "pending", ["asked"]),
        ({"status": "active"}, OptInMode.DEFAULT, True, "pending", ["asked"]),
        ({"status": "pending"}, OptInMode.DEFAULT, True, "pending", []),
        ({"consentAt": STATED}, OptInMode.DEFAULT, True, "active", ["confirmed"]),
        ({}, OptInMode.CONFIRMED, True, "active", ["confirmed"]),
        ({"status": "pending"}, OptInMode.CONFIRMED, True, "pending", []),
        ({}, OptInMode.DOUBLE_OPT_IN, False, "pending", ["asked"]),
        ({"consentAt": STATED}, OptInMode.DOUBLE_OPT_IN, False, "pending", ["asked"]),
        ({"status": "pending"}, OptInMode.DOUBLE_OPT_IN, False, "pending", ["asked"]),
        ({"status": "unsubscribed"}, OptInMode.DEFAULT, True, "unsubscribed", ["left"]),
        ({"status": "unsubscribed"}, OptInMode.CONFIRMED, False, "unsubscribed", ["left"]),
        ({"unsubscribedAt": STATED}, OptInMode.DEFAULT, False, "unsubscribed", ["left"]),
        (
            {"status": "unsubscribed", "consentAt": STATED},
            OptInMode.DEFAULT,
            False,
            "unsubscribed",
            ["confirmed", "left"],
        ),
        (
            {"status": "active", "unsubscribedAt": STATED},
            OptInMode.DEFAULT,
            False,
            "active",
            [],
        ),
        ({"status": "bounced"}, OptInMode.DEFAULT, False, "bounced", ["suppressed"]),
        ({"status": "complained"}, OptInMode.DEFAULT, True, "complained", ["suppressed"]),
    ],
)
def test_status_and_ledger_by_row_mode_and_workspace(
    row: dict[str, Any],
    mode: OptInMode,
    *,
    double_opt_in: bool,
    status: str,
    lines: list[str],
) -> None:
    workspace = factories.WorkspaceFactory.create(
        double_opt_in=double_opt_in, from_email="news@example.com"
    )

    imported = import_rows(workspace, {"email": ADA, **row}, mode=mode)

    asked = lines.count("asked")
    assert (the_person().status, kinds()) == (status, lines)
    assert imported.counted.confirmations_queued == OutgoingEmail.objects.count() == asked
    open_questions = Confirmation.objects.filter(closed_at=None).count()
    assert open_questions == (status == "pending")


def test_the_claim_of_consent_is_in_the_ledger_with_who_claims_it() -> None:
    workspace = factories.WorkspaceFactory.create(double_opt_in=True)
    row = {
        "email": ADA,
        "consentAt": STATED,
        "consentIp": "203.0.113.7",
        "consentUserAgent": "Firefox\n1",
        "consentMethod": "web form",
    }

    import_rows(workspace, row)

    line = ConsentRecord.objects.get()
    assert (line.kind, line.method, line.actor) == ("confirmed", "import", ACTOR)
    assert (line.at, line.ip, line.reason) == (EARLIER, "203.0.113.7", "web form")
    assert line.user_agent == "Firefox 1"
    assert line.subscriber == the_person()
    assert line.address_hash == address_hash(workspace.address_hash_key, ADA)


def test_an_unsubscribed_person_has_a_time_and_a_consent_record() -> None:
    row = {"email": ADA, "status": "unsubscribed", "unsubscribedAt": STATED}

    import_rows(factories.WorkspaceFactory.create(), row)

    line = ConsentRecord.objects.get()
    assert the_person().unsubscribed_at == EARLIER
    assert (line.kind, line.method, line.at, line.actor) == ("left", "import", EARLIER, ACTOR)


@pytest.mark.parametrize(
    ("row", "joined"),
    [
        ({}, ["Default"]),
        ({"lists": None}, ["Default"]),
        ({"lists": []}, []),
        ({"lists": ["News"]}, ["News"]),
        ({"status": "pending"}, []),
        ({"status": "unsubscribed"}, []),
        ({"status": "unsubscribed", "lists": ["News"]}, ["News"]),
        ({"status": "bounced"}, []),
    ],
)
def test_lists_by_what_the_row_says(row: dict[str, Any], joined: list[str]) -> None:
    workspace = factories.WorkspaceFactory.create()
    factories.ListFactory.create(workspace=workspace, name="Default", is_default=True)
    factories.ListFactory.create(workspace=workspace, name="News")

    import_rows(workspace, {"email": ADA, **row})

    assert list(the_person().memberships.values_list("list__name", flat=True)) == joined


def test_an_unknown_list_refuses_the_row_and_creates_nobody() -> None:
    imported = import_rows(
        factories.WorkspaceFactory.create(), {"email": ADA, "lists": ["News"]}, {"email": "b@x.io"}
    )

    message = 'names "News", which the workspace does not have; --create-lists makes such lists.'
    assert imported.faults == [(1, "lists", message)]
    assert imported.came_to == (1, 0, 1, 1)
    assert the_person().email == "b@x.io"


def test_lists_are_made_when_that_is_asked_for_and_processes_hear_of_it() -> None:
    workspace = factories.WorkspaceFactory.create()

    import_rows(workspace, {"email": ADA, "lists": ["News"]}, creates_lists=True)

    assert the_person().memberships.get().list.name == "News"
    before = workspace.config_version
    workspace.refresh_from_db()
    assert workspace.config_version == before + 1


def test_a_list_of_another_workspace_is_unknown() -> None:
    factories.ListFactory.create(name="News")

    imported = import_rows(factories.WorkspaceFactory.create(), {"email": ADA, "lists": ["News"]})

    assert imported.counted.rejected == 1


def test_asking_stays_within_the_limits_of_a_mailbox() -> None:
    workspace = factories.WorkspaceFactory.create(double_opt_in=True)

    imported = import_rows(workspace, {"email": "ada+1@x.io"}, {"email": "ada+2@x.io"})

    assert imported.counted.confirmations_queued == 1
    assert imported.came_to == (2, 0, 0, 2)
    assert Confirmation.objects.filter(closed_at=None).count() == 2
