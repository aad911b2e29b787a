"""Operators edit a person: what differs from what the page showed changes, with a log entry."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import view_url
from events.models import Enrollment
from subscribers.models import ConsentRecord, List, ListMembership, Subscriber
from subscribers.services.audience import tags
from tests import factories
from tests.support.sequence_making import make_sequence


def make_person(**columns: Any) -> Subscriber:
    person = factories.SubscriberFactory.create(
        first_name="Ada", external_id="u1", attributes={"plan": "team", "seats": 5}, **columns
    )
    factories.SubscriberTagFactory.create(subscriber=person, tag__name="lead")
    return person


def form_of(client: Client, person: Subscriber) -> dict[str, Any]:
    """Return what a browser would post from the page if nothing was typed."""
    form = client.get(view_url(person, "editing")).context["form"]
    shown = {field.name: field.value() for field in form if field.name != "starts"}
    return {**shown, **{f"initial-{name}": value for name, value in shown.items()}}


def save(client: Client, person: Subscriber, shown: dict[str, Any], **typed: Any) -> Any:
    answer = client.post(view_url(person, "edit"), {**shown, **typed}, follow=True)
    person.refresh_from_db()
    return answer


def tags_of(person: Subscriber) -> set[str]:
    return set(tags.names_of(person).values())


def test_names_attributes_zone_and_external_id_change_with_a_log_entry(
    admin_client: Client, db: None
) -> None:
    person = make_person()

    answer = save(
        admin_client, person, form_of(admin_client, person),
        first_name="Adele", external_id="", timezone="Asia/Tokyo",
        attributes='{"plan": "pro", "beta": true}',
    )  # fmt: skip

    assert "The profile is changed." in answer.content.decode()
    assert (person.first_name, person.external_id, person.timezone) == ("Adele", None, "Asia/Tokyo")
    assert person.attributes == {"plan": "pro", "beta": True}
    said = LogEntry.objects.get().change_message
    for words in (
        "First name: “Ada” → “Adele”", "External id: “u1” → none", "Time zone: none → “Asia/Tokyo”",
        "plan: “team” → “pro”", "seats: “5” → none", "beta: none → “true”",
    ):  # fmt: skip
        assert words in said


def test_tags_and_lists_change_and_the_ledger_says_so(admin_client: Client, db: None) -> None:
    person = make_person()
    joined = factories.ListFactory.create(workspace=person.workspace, name="News")
    left = factories.ListMembershipFactory.create(subscriber=person, list__name="Tips")

    save(
        admin_client, person, form_of(admin_client, person),
        tags=" VIP User, beta", lists=[joined.pk.hex],
    )  # fmt: skip

    assert tags_of(person) == {"vip-user", "beta"}
    member = ListMembership.objects.filter(subscriber=person, unsubscribed_at=None)
    assert [each.list for each in member] == [joined]
    records = ConsentRecord.objects.order_by("pk").values_list("kind", "list_name", "actor")
    assert list(records) == [
        ("left_list", left.list.name, "admin"),
        ("joined_list", "News", "admin"),
    ]
    said = LogEntry.objects.get().change_message
    assert "Tags: added beta, vip-user, removed lead" in said
    assert "Lists: added News, removed Tips" in said


def test_what_changed_meanwhile_stays(admin_client: Client, db: None) -> None:
    person = make_person()
    shown = form_of(admin_client, person)
    factories.SubscriberTagFactory.create(subscriber=person, tag__name="customer")
    Subscriber.objects.filter(pk=person.pk).update(
        last_name="Novak", attributes={"plan": "team", "seats": 9}
    )

    save(admin_client, person, shown, tags="lead, vip", attributes='{"plan": "pro", "seats": 5}')

    assert tags_of(person) == {"lead", "vip", "customer"}
    assert person.last_name == "Novak"
    assert person.attributes == {"plan": "pro", "seats": 9}


def test_nothing_typed_changes_nothing(admin_client: Client, db: None) -> None:
    person = make_person()
    before = person.updated_at

    answer = save(admin_client, person, form_of(admin_client, person))

    assert "Nothing changed." in answer.content.decode()
    assert person.updated_at == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("ticked", "enrollments"), [({}, 0), ({"starts": "on"}, 2)])
def test_sequences_start_only_where_it_is_ticked(
    admin_client: Client, db: None, ticked: dict[str, str], enrollments: int
) -> None:
    person = make_person()
    news = List.objects.create(workspace=person.workspace, name="News")
    step = {"type": "delay", "delay": {"days": 1}}
    make_sequence(person.workspace, step, trigger="tag_added", tagNames=["vip"], name="Perks")
    make_sequence(person.workspace, step, trigger="list_joined", lists=["News"], name="Weekly")

    save(
        admin_client, person, form_of(admin_client, person),
        tags="lead, vip", lists=[news.pk.hex], **ticked,
    )  # fmt: skip

    assert Enrollment.objects.filter(subscriber=person).count() == enrollments


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"external_id": "taken"}, "external_id", "taken is somebody else"),
        ({"timezone": "Mars/Olympus"}, "timezone", "Select a valid choice"),
        ({"tags": "ok, !?"}, "tags", "needs at least one letter or digit"),
        ({"attributes": "{"}, "attributes", "This is not JSON"),
        ({"attributes": "[1]"}, "attributes", "must be an object"),
        ({"attributes": '{"a": "\\u0000"}'}, "attributes", "cannot be stored"),
        ({"attributes": "[" * 5000}, "attributes", "This"),
        ({"first_name": "a" * 256}, "first_name", "at most 255"),
        ({"lists": ["0" * 32]}, "lists", "Select a valid choice"),
        ({"initial-attributes": "{"}, "__all__", "Open it again"),
        ({"initial-lists": ["x"]}, "__all__", "Open it again"),
    ],
)
def test_what_cannot_be_stored_is_an_error_at_its_field(
    admin_client: Client, db: None, typed: dict[str, Any], field: str, words: str
) -> None:
    person = make_person()
    factories.SubscriberFactory.create(workspace=person.workspace, external_id="taken")

    answer = save(admin_client, person, form_of(admin_client, person), **{"tags": "x", **typed})

    assert answer.status_code == 200
    assert words in str(answer.context["form"].errors[field])
    assert tags_of(person) == {"lead"}
    assert person.external_id == "u1"


def test_attributes_that_are_too_large_together_are_refused(
    admin_client: Client, db: None, settings: Any
) -> None:
    person = make_person()
    shown = form_of(admin_client, person)
    settings.MAX_ATTRIBUTES_BYTES = 60
    Subscriber.objects.filter(pk=person.pk).update(attributes={"plan": "team", "x": "y" * 40})

    answer = save(admin_client, person, shown, attributes='{"plan": "a longer plan name"}')

    assert "attributes" in answer.context["form"].errors
    assert person.attributes["plan"] == "team"


def test_who_may_only_look_changes_nothing(client: Client, db: None) -> None:
    person = make_person()
    user = User.objects.create(username="viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_subscriber"))
    client.force_login(user)

    assert client.post(view_url(person, "edit"), {"first_name": "X"}).status_code == 403
    assert client.post(view_url(person, "enroll"), {}).status_code == 403
    assert client.get(view_url(person, "editing")).status_code == 403
    assert client.get(view_url(person, "edit")).status_code == 405
    person.refresh_from_db()
    assert person.first_name == "Ada"


def test_a_person_is_enrolled_from_their_page(admin_client: Client, db: None) -> None:
    person = make_person()
    sequence = make_sequence(
        person.workspace, {"type": "delay", "delay": {"days": 1}}, name="Welcome"
    )

    offered = admin_client.get(view_url(person, "enrolling")).content.decode()
    posted = {"sequence": sequence.public_id}
    first = admin_client.post(view_url(person, "enroll"), posted, follow=True)
    again = admin_client.post(view_url(person, "enroll"), posted, follow=True)
    nothing = admin_client.post(view_url(person, "enroll"), {"sequence": "x"}, follow=True)

    assert f'<option value="{sequence.public_id}">Welcome</option>' in offered
    assert "Enrolled in Welcome." in first.content.decode()
    assert "Not enrolled, since the person is in it already." in again.content.decode()
    assert "Choose a sequence." in nothing.content.decode()
    assert Enrollment.objects.get().subscriber == person
