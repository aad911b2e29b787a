"""The search of the whole admin: rows by words and by ids, and pages."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.workspace_choice import SESSION_KEY
from events.models import Enrollment, Event, EventDefinition, Sequence
from subscribers import ids
from subscribers.models import List, OutgoingEmail, Segment, Subscriber, Tag, Workspace
from tests import factories

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/search/"
FACTORIES: dict[Any, Any] = {
    Subscriber: factories.SubscriberFactory, Sequence: factories.SequenceFactory,
    EventDefinition: factories.EventDefinitionFactory, Tag: factories.TagFactory,
    List: factories.ListFactory, Segment: factories.SegmentFactory, Event: factories.EventFactory,
    Enrollment: factories.EnrollmentFactory, OutgoingEmail: factories.OutgoingEmailFactory,
}  # fmt: skip


def titles(client: Client, text: str) -> list[str]:
    return [each.title for each in client.get(ADDRESS, {"s": text}).context["found"]]


@pytest.fixture
def novak(workspace: Workspace) -> Subscriber:
    made: Subscriber = factories.SubscriberFactory.create(
        workspace=workspace,
        email="tomas.n@example.com",
        external_id="user-7",
        first_name="Tomáš",
        last_name="Novak",
    )
    return made


def test_it_is_the_address_that_the_skin_asks() -> None:
    assert reverse("admin:search") == reverse("find") == ADDRESS


@pytest.mark.parametrize("text", ["novak", "Tomáš Novak", "tomas.n", "user-7", " NOVAK "])
def test_people_are_found_by_name_address_and_external_id(
    admin_client: Client, novak: Subscriber, text: str
) -> None:
    assert titles(admin_client, text) == ["tomas.n@example.com"]


@pytest.mark.parametrize("text", ["Trial", "trial", "RIAL"])
def test_other_things_are_found_by_any_part_of_their_names(
    admin_client: Client, workspace: Workspace, text: str
) -> None:
    factories.SequenceFactory.create(workspace=workspace, name="Trial ends")
    factories.EventDefinitionFactory.create(workspace=workspace, name="Trial begun")
    factories.TagFactory.create(workspace=workspace, name="trialist")
    factories.ListFactory.create(workspace=workspace, name="Trial news")
    factories.SegmentFactory.create(workspace=workspace, name="Trials of May")

    assert titles(admin_client, text) == [
        "Trial ends", "Trial begun", "trialist", "Trial news", "Trials of May",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [
        ("sub", Subscriber), ("seq", Sequence), ("def", EventDefinition), ("tag", Tag),
        ("lst", List), ("seg", Segment), ("evt", Event), ("enr", Enrollment),
        ("eml", OutgoingEmail),
    ],
)  # fmt: skip
def test_an_id_finds_its_row_alone(admin_client: Client, prefix: str, kind: Any) -> None:
    row = FACTORIES[kind].create()

    answer = admin_client.get(ADDRESS, {"s": ids.encode(prefix, row.pk)})

    (found,) = answer.context["found"]
    assert found.title == str(row)
    assert admin_client.get(found.link).status_code == 200


def test_pages_of_the_menu_are_found(admin_client: Client) -> None:
    assert titles(admin_client, "outb") == ["Outbox"]


def test_words_are_searched_in_the_chosen_workspace_and_ids_in_all(
    admin_client: Client, novak: Subscriber
) -> None:
    other: Workspace = factories.WorkspaceFactory.create()
    factories.SubscriberFactory.create(workspace=other, last_name="Novak", email="n@other.example")
    session = admin_client.session
    session[SESSION_KEY] = other.pk.hex
    session.save()

    assert titles(admin_client, "novak") == ["n@other.example"]
    assert titles(admin_client, novak.public_id) == [novak.email]


def test_each_sees_what_they_may_see(client: Client, novak: Subscriber) -> None:
    person = User.objects.create_user("intern", is_staff=True)
    factories.TagFactory.create(workspace=novak.workspace, name="novak fans")
    person.user_permissions.add(Permission.objects.get(codename="view_tag"))
    client.force_login(person)

    assert titles(client, "novak") == ["novak fans"]
    assert titles(client, novak.public_id) == titles(client, "outb") == []


def test_nothing_found_is_said(admin_client: Client) -> None:
    page = admin_client.get(ADDRESS, {"s": "<b>zzz"}).content.decode()

    assert "Nothing found for “&lt;b&gt;zzz”." in page


@pytest.mark.parametrize("text", ["", " ", "\0", "x" * 5000, "sub_", "evt_zzz", "%", "'\"\\"])
def test_no_text_is_a_fault(admin_client: Client, text: str) -> None:
    assert titles(admin_client, text) == []


def test_more_rows_take_no_more_statements(admin_client: Client, novak: Subscriber) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as context:
            admin_client.get(ADDRESS, {"s": "novak"})
        return len(context)

    statements()
    few = statements()
    for _ in range(20):
        factories.SubscriberFactory.create(workspace=novak.workspace, last_name="Novak")

    assert statements() == few
    assert len(titles(admin_client, "novak")) == 6


def test_it_is_for_people_who_signed_in(client: Client) -> None:
    assert client.get(ADDRESS, {"s": "x"}).status_code == 302
    assert client.post(ADDRESS, {"s": "x"}).status_code in {302, 405}
