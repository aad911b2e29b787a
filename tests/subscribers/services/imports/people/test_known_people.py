"""Tests of rows about people who are known: by strategy, and never to more mail than before."""

from datetime import UTC, datetime
from typing import Any

import pytest

from events.models import Enrollment
from subscribers.models import ConsentRecord, Subscriber, Workspace
from subscribers.services.consent import suppressions
from subscribers.services.imports.people import Duplicates, OptInMode
from tests import factories
from tests.support.asking_people import ask, question_of
from tests.support.importing_people import ACTOR, NOW, import_rows

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"
EARLIER = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
STATED = "2025-03-01T09:30:00Z"
ROW = {
    "email": ADA,
    "externalId": "user_1",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "timezone": "Europe/London",
    "customAttributes": {"plan": "pro", "city": "London"},
    "createdAt": STATED,
}
MERGE, OVERWRITE = Duplicates.MERGE, Duplicates.OVERWRITE
CHANGING = [MERGE, OVERWRITE]


def make_ada(workspace: Workspace | None = None, **columns: Any) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace or factories.WorkspaceFactory.create(),
        email=ADA,
        **{"created_at": NOW, "updated_at": NOW, **columns},
    )


def state_of(person: Subscriber) -> Any:
    return Subscriber.objects.filter(pk=person.pk).values().get()


def test_skip_counts_a_duplicate_and_changes_nothing() -> None:
    person = make_ada()
    before = state_of(person)

    imported = import_rows(
        person.workspace, {**ROW, "status": "active", "tags": ["vip"], "consentAt": STATED}
    )

    assert imported.came_to == (0, 1, 0, 0)
    assert state_of(person) == before
    assert not person.tag_links.exists()
    assert not ConsentRecord.objects.exists()


def test_merge_fills_what_is_empty() -> None:
    person = make_ada(first_name="Augusta", attributes={"plan": "free"})

    imported = import_rows(person.workspace, ROW, duplicates=MERGE)

    person.refresh_from_db()
    assert imported.came_to == (1, 0, 0, 0)
    assert (person.first_name, person.last_name) == ("Augusta", "Lovelace")
    assert (person.external_id, person.timezone) == ("user_1", "Europe/London")
    assert person.attributes == {"plan": "free", "city": "London"}
    assert person.created_at == EARLIER


def test_overwrite_takes_what_the_row_says_and_keeps_what_it_does_not() -> None:
    person = make_ada(
        first_name="Augusta",
        timezone="Europe/Berlin",
        attributes={"plan": "free", "kept": 1, "gone": 2},
    )
    row = {**ROW, "lastName": "", "customAttributes": {"plan": "pro", "gone": None}}

    import_rows(person.workspace, row, duplicates=OVERWRITE)

    person.refresh_from_db()
    assert (person.first_name, person.last_name) == ("Ada", "")
    assert person.timezone == "Europe/London"
    assert person.attributes == {"plan": "pro", "kept": 1}


@pytest.mark.parametrize("duplicates", CHANGING)
def test_the_same_file_again_is_all_duplicates(duplicates: Duplicates) -> None:
    workspace = factories.WorkspaceFactory.create()
    factories.ListFactory.create(workspace=workspace, name="News")
    rows = (
        {**ROW, "tags": ["vip"], "lists": ["News"], "consentAt": STATED},
        {"email": "bo@x.io", "status": "unsubscribed", "unsubscribedAt": STATED},
        {"email": "cy@x.io", "status": "bounced"},
        {"email": "di@x.io", "status": "complained", "unsubscribedAt": STATED},
        {"email": "ed@x.io", "status": "pending"},
    )
    import_rows(workspace, *rows, duplicates=duplicates)
    before = list(Subscriber.objects.order_by("id").values())
    lines = ConsentRecord.objects.count()

    again = import_rows(workspace, *rows, duplicates=duplicates)

    assert again.came_to == (0, 5, 0, 0)
    assert list(Subscriber.objects.order_by("id").values()) == before
    assert ConsentRecord.objects.count() == lines


@pytest.mark.parametrize("duplicates", list(Duplicates))
def test_a_creation_never_moves_forward(duplicates: Duplicates) -> None:
    person = make_ada(created_at=EARLIER)

    import_rows(
        person.workspace, {"email": ADA, "createdAt": "2026-01-01T00:00:00Z"}, duplicates=duplicates
    )

    person.refresh_from_db()
    assert person.created_at == EARLIER


def test_attributes_that_would_be_too_long_refuse_the_row() -> None:
    person = make_ada(attributes={"notes": "x" * 600})
    row = {"email": ADA, "firstName": "Ada", "customAttributes": {"more": "x" * 600}}

    imported = import_rows(person.workspace, row, duplicates=MERGE)

    person.refresh_from_db()
    assert imported.faults[0][1] == "customAttributes"
    assert person.first_name == ""


@pytest.mark.parametrize("mode", list(OptInMode))
@pytest.mark.parametrize("duplicates", list(Duplicates))
@pytest.mark.parametrize("status", ["pending", "unsubscribed", "bounced", "complained"])
def test_nobody_gets_more_mail_than_before(
    status: str, duplicates: Duplicates, mode: OptInMode
) -> None:
    person = make_ada(status=status)
    row = {"email": ADA, "status": "active", "firstName": "Ada", "consentAt": STATED}

    imported = import_rows(person.workspace, row, duplicates=duplicates, mode=mode)

    person.refresh_from_db()
    assert person.status == status
    assert imported.counted.confirmations_queued == 0
    assert person.first_name == ("" if duplicates == Duplicates.SKIP else "Ada")


def test_who_is_active_is_not_pending_again() -> None:
    person = make_ada()

    import_rows(
        person.workspace,
        {"email": ADA, "status": "pending"},
        duplicates=OVERWRITE,
        mode=OptInMode.DOUBLE_OPT_IN,
    )

    person.refresh_from_db()
    assert person.status == Subscriber.Status.ACTIVE


@pytest.mark.parametrize("duplicates", CHANGING)
def test_an_unsubscribe_elsewhere_unsubscribes_and_stops_enrollments(
    duplicates: Duplicates,
) -> None:
    run = factories.EnrollmentFactory.create(subscriber__email=ADA)
    row = {"email": ADA, "status": "unsubscribed", "unsubscribedAt": STATED}

    imported = import_rows(run.workspace, row, duplicates=duplicates)

    run.refresh_from_db()
    person, line = Subscriber.objects.get(), ConsentRecord.objects.get()
    assert imported.came_to == (1, 0, 0, 0)
    assert (person.status, person.unsubscribed_at) == ("unsubscribed", EARLIER)
    assert run.status == Enrollment.Status.STOPPED
    assert (line.kind, line.method, line.at, line.actor) == ("left", "import", EARLIER, ACTOR)


def test_the_confirmation_of_an_unsubscribed_person_is_closed() -> None:
    person = make_ada(status=Subscriber.Status.PENDING)
    ask(person)

    import_rows(person.workspace, {"email": ADA, "status": "unsubscribed"}, duplicates=MERGE)

    assert question_of(person).closed_at == NOW


@pytest.mark.parametrize("status", ["bounced", "complained"])
def test_who_bounced_elsewhere_is_suppressed_here_with_all_that_it_ends(status: str) -> None:
    run = factories.EnrollmentFactory.create(subscriber__email=ADA)

    import_rows(run.workspace, {"email": ADA, "status": status}, duplicates=MERGE)

    run.refresh_from_db()
    assert Subscriber.objects.get().status == status
    assert suppressions.is_suppressed(workspace=run.workspace, email_key=ADA)
    assert run.status == Enrollment.Status.STOPPED
    assert ConsentRecord.objects.get().kind == "suppressed"


def test_after_a_removal_an_unsubscribe_elsewhere_still_holds() -> None:
    person = make_ada(status=Subscriber.Status.UNSUBSCRIBED)
    import_rows(person.workspace, {"email": ADA, "status": "bounced"}, duplicates=MERGE)

    suppressions.lift(workspace=person.workspace, address=ADA, reason="", source="admin", now=NOW)

    person.refresh_from_db()
    assert person.status == Subscriber.Status.UNSUBSCRIBED


@pytest.mark.parametrize("duplicates", CHANGING)
def test_tags_are_added_and_none_is_taken_off(duplicates: Duplicates) -> None:
    person = make_ada()
    tag = factories.TagFactory.create(workspace=person.workspace, name="old")
    factories.SubscriberTagFactory.create(subscriber=person, tag=tag)

    import_rows(person.workspace, {"email": ADA, "tags": ["old", "new"]}, duplicates=duplicates)

    person.refresh_from_db()
    assert sorted(person.tag_links.values_list("tag__name", flat=True)) == ["new", "old"]
    assert person.tags_version == 1


@pytest.mark.parametrize("duplicates", CHANGING)
def test_lists_are_joined_but_not_those_that_were_left(duplicates: Duplicates) -> None:
    person = make_ada()
    left, fresh = (
        factories.ListFactory.create(workspace=person.workspace, name=name)
        for name in ("Left", "Fresh")
    )
    factories.ListFactory.create(workspace=person.workspace, name="Default", is_default=True)
    factories.ListMembershipFactory.create(subscriber=person, list=left, unsubscribed_at=EARLIER)

    import_rows(person.workspace, {"email": ADA, "lists": ["Left", "Fresh"]}, duplicates=duplicates)

    now_on = person.memberships.filter(unsubscribed_at=None)
    assert [each.list for each in now_on] == [fresh]


def test_consent_is_noted_once_for_who_is_known() -> None:
    person = make_ada()
    row = {"email": ADA, "consentAt": STATED, "consentMethod": "web form"}

    came_to = [
        import_rows(person.workspace, row, duplicates=MERGE).came_to,
        import_rows(person.workspace, row, duplicates=MERGE).came_to,
    ]

    line = ConsentRecord.objects.get()
    assert came_to == [(1, 0, 0, 0), (0, 1, 0, 0)]
    assert (line.kind, line.at, line.reason) == ("confirmed", EARLIER, "web form")


def test_the_external_id_alone_finds_who_is_known() -> None:
    person = make_ada(external_id="user_1")

    import_rows(
        person.workspace, {"externalId": "user_1", "firstName": "Ada"}, duplicates=OVERWRITE
    )

    person.refresh_from_db()
    assert person.first_name == "Ada"


@pytest.mark.parametrize("duplicates", list(Duplicates))
def test_a_conflict_of_identities_refuses_the_row(duplicates: Duplicates) -> None:
    person = make_ada(external_id="user_1")
    factories.SubscriberFactory.create(workspace=person.workspace, external_id="user_2")

    imported = import_rows(
        person.workspace,
        {"email": ADA, "externalId": "user_2"},
        {"email": ADA, "externalId": "user_3"},
        {"externalId": "user_4"},
        {"email": ADA},
        duplicates=duplicates,
    )

    assert imported.faults == [
        (1, "", "email and externalId belong to two different subscribers."),
        (2, "", "The subscriber with this email has another externalId."),
        (3, "", "No subscriber has this externalId; give an email to create one."),
    ]
    assert imported.came_to == (0, 1, 3, 0)


def test_a_stored_address_stays() -> None:
    person = make_ada(external_id="user_1")

    import_rows(
        person.workspace, {"email": "new@x.io", "externalId": "user_1"}, duplicates=OVERWRITE
    )

    assert Subscriber.objects.get().email == ADA


def test_people_of_another_workspace_are_nobody_here() -> None:
    person = make_ada(external_id="user_1")
    before = state_of(person)
    elsewhere = factories.WorkspaceFactory.create()

    imported = import_rows(elsewhere, ROW, duplicates=OVERWRITE)

    assert imported.came_to == (1, 0, 0, 1)
    assert state_of(person) == before
