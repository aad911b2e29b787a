"""Suppressions in the admin: found, added, removed for a reason."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import admin_url, list_url, view_url
from subscribers.models import ConsentRecord, Subscriber, Suppression, Workspace
from subscribers.services.consent import suppressions
from subscribers.wire.address_hashes import address_hash
from tests import factories

ADD = "/admin/subscribers/suppression/add/"


def add(client: Client, workspace: Workspace, **fields: Any) -> Any:
    """Send the form for a new suppression."""
    values = {"workspace": workspace.pk, "email": "ada@example.com", "details": "Asked by letter"}
    return client.post(ADD, {**values, **fields}, follow=True)


def suppression_of(person: Subscriber, **columns: Any) -> Suppression:
    """Make a suppression of somebody's address."""
    hashed = address_hash(person.workspace.address_hash_key, person.email_key)
    columns = {"email": person.email, **columns}
    row: Suppression = factories.SuppressionFactory.create(
        workspace=person.workspace, address_hash=hashed, **columns
    )
    return row


def test_an_operator_suppresses_an_address_in_any_of_its_forms(
    admin_client: Client, workspace: Workspace
) -> None:
    answer = add(admin_client, workspace, email=" Ada@EXAMPLE.com ")

    stored = Suppression.objects.get()
    record = ConsentRecord.objects.get()
    assert answer.status_code == 200
    assert (stored.reason, stored.source, stored.details) == ("manual", "admin", "Asked by letter")
    assert suppressions.is_suppressed(workspace=workspace, email_key="ada@example.com")
    assert (record.kind, record.actor, record.reason) == ("suppressed", "admin", "Asked by letter")
    assert LogEntry.objects.get().object_id == str(stored.pk)


def test_the_same_address_twice_is_one_row(admin_client: Client, workspace: Workspace) -> None:
    add(admin_client, workspace)
    answer = add(admin_client, workspace, email="ADA@example.com")

    assert answer.status_code == 200
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": "nonsense"}, "email"),
        ({"email": ""}, "email"),
        ({"details": " "}, "details"),
        ({"details": "x" * 501}, "details"),
        ({"details": "a\0b"}, "details"),
    ],
)
def test_what_is_no_address_or_no_reason_is_refused(
    admin_client: Client, workspace: Workspace, fields: dict[str, str], field: str
) -> None:
    answer = add(admin_client, workspace, **fields)

    assert set(answer.context["adminform"].form.errors) == {field}
    assert not Suppression.objects.exists()


def test_lifting_lets_mail_go_again_and_keeps_the_reason(admin_client: Client, db: None) -> None:
    person = factories.SubscriberFactory.create(bounced=True)
    row = suppression_of(person)

    page = admin_client.post(view_url(row, "lift"), {"reason": "A typo of theirs"}, follow=True)

    record = ConsentRecord.objects.get()
    assert "is no longer suppressed." in page.content.decode()
    assert not Suppression.objects.exists()
    assert Subscriber.objects.get().status == "active"
    assert (record.kind, record.actor, record.reason) == ("released", "admin", "A typo of theirs")
    assert record.subscriber == person
    assert [entry.change_message for entry in LogEntry.objects.all()] == [
        "Removed: A typo of theirs"
    ]


def test_no_suppression_is_removed_without_a_reason(admin_client: Client, db: None) -> None:
    row = suppression_of(factories.SubscriberFactory.create())

    page = admin_client.post(view_url(row, "lift"), {"reason": " "}, follow=True)

    assert "Give a reason" in page.content.decode()
    assert Suppression.objects.exists()
    assert not LogEntry.objects.exists()


def test_the_address_of_somebody_erased_must_be_named_to_lift_it(
    admin_client: Client, workspace: Workspace
) -> None:
    hashed = address_hash(workspace.address_hash_key, "ada@example.com")
    row = factories.SuppressionFactory.create(workspace=workspace, address_hash=hashed, email="")
    lift, reason = view_url(row, "lift"), {"reason": "They are back"}

    asking = admin_client.get(view_url(row, "lifting")).content.decode()
    nobody = admin_client.post(lift, reason, follow=True).content.decode()
    wrong = admin_client.post(lift, {**reason, "address": "eve@example.com"}, follow=True)
    kept = Suppression.objects.count()
    admin_client.post(lift, {**reason, "address": "Ada@example.com"})

    assert 'name="address"' in asking
    assert "That is not the address" in nobody
    assert "That is not the address" in wrong.content.decode()
    assert kept == 1
    assert not Suppression.objects.exists()


def test_a_suppression_is_removed_by_the_action_only(admin_client: Client, db: None) -> None:
    row = suppression_of(factories.SubscriberFactory.create())

    page = admin_client.get(admin_url(row))

    assert [action.name for action, _ in page.context["row_actions"]] == ["lifting"]
    assert admin_client.post(admin_url(row), {"email": "x@example.com"}).status_code == 403
    assert admin_client.post(admin_url(row).replace("/change/", "/delete/")).status_code == 403


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("ada@", {"ada"}),
        ("ADA@EXAMPLE.COM", {"ada"}),
        ("gone@example.com", {"erased"}),
        ("nobody@example.com", set()),
    ],
)
def test_rows_are_found_by_address_even_when_only_a_hash_is_left(
    admin_client: Client, workspace: Workspace, text: str, finds: set[str]
) -> None:
    named = {}
    for name, email, stored in (
        ("ada", "ada@example.com", "ada@example.com"),
        ("erased", "gone@example.com", ""),
    ):
        hashed = address_hash(workspace.address_hash_key, email)
        row = factories.SuppressionFactory.create(
            workspace=workspace, address_hash=hashed, email=stored
        )
        named[row.pk] = name

    rows = admin_client.get(list_url(Suppression, q=text)).context["cl"].result_list

    assert {named[row.pk] for row in rows} == finds


def test_bounces_and_complaints_are_distinguished(admin_client: Client, db: None) -> None:
    factories.SuppressionFactory.create()
    complaint = factories.SuppressionFactory.create(reason="complaint", details="abuse report")

    answer = admin_client.get(list_url(Suppression, reason__exact="complaint"))

    assert list(answer.context["cl"].result_list) == [complaint]
    assert "abuse report" in answer.content.decode()


def test_the_page_shows_the_address_s_subscriber_and_its_ledger(
    admin_client: Client, db: None
) -> None:
    person = factories.SubscriberFactory.create(bounced=True)
    row = suppression_of(person)
    factories.ConsentRecordFactory.create(
        subscriber=None, workspace=row.workspace, address_hash=row.address_hash,
        kind="suppressed", method="smtp", reason="550 nobody here",
    )  # fmt: skip

    page = admin_client.get(admin_url(row)).content.decode()

    assert admin_url(person) in page
    assert "Suppressed by the mail server: 550 nobody here" in page


def test_lifting_takes_a_post_with_csrf_and_permission_alone(
    admin_client: Client, admin_user: User
) -> None:
    row = suppression_of(factories.SubscriberFactory.create())
    address, reason = view_url(row, "lift"), {"reason": "x"}
    strict, viewer = Client(enforce_csrf_checks=True), Client()
    strict.force_login(admin_user)
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_suppression"))
    viewer.force_login(person)

    assert admin_client.get(address).status_code == 405
    assert strict.post(address, reason).status_code == 403
    assert viewer.post(address, reason).status_code == 403
    assert Suppression.objects.exists()
