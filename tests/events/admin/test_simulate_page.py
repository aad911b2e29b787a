"""The page that simulates a sequence for one person."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import admin_url, view_url
from config.admin_links import page_url
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support.asking_pages import page_of, statements_of
from tests.support.sequence_making import MAIL, make_sequence

HI = {
    "type": "email",
    "subject": "Hi {{subscriber.firstName|friend}}, {{event.plan}}",
    "html": "<script>alert(1)</script><p>{{event.plan}}</p>",
}
ADA = "ada@example.com"
VIEW = "simulate"


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace,
        email=ADA,
        external_id="user-7",
        first_name="Ada",
        timezone="Asia/Tokyo",
    )


@pytest.mark.parametrize("name", [ADA, "ADA@example.com", "user-7", "ext:user-7", "{id}"])
def test_the_path_of_a_person_is_shown_with_its_mails(
    admin_client: Client, ada: Subscriber, name: str
) -> None:
    Workspace.objects.filter(pk=ada.workspace_id).update(timezone="Europe/Berlin")
    sequence = make_sequence(ada.workspace, {"type": "delay", "hours": 3}, HI)

    page = page_of(
        admin_client,
        sequence,
        VIEW,
        person=name.format(id=ada.public_id),
        properties='{"plan": "pro"}',
        at="2026-11-30T09:00",
    )

    assert "yes, by event signup" in page
    assert "Hi Ada, pro" in page
    # Three hours after nine in Berlin, which is noon, and eight in the evening in Tokyo.
    assert '2026-11-30 11:00:00 UTC">Mon 30 Nov 2026, 12:00</time>' in page
    assert ">Mon 30 Nov 2026, 20:00</time>" in page
    assert "Completed: the last step is done." in page
    assert "<script>alert" not in page
    assert admin_url(ada) in page


def test_a_mail_is_shown_in_a_frame_where_nothing_runs(
    admin_client: Client, ada: Subscriber
) -> None:
    sequence = make_sequence(ada.workspace, HI)
    asked = {"person": ADA, "properties": '{"plan": "<pro>"}', "visit": "0"}

    answer = admin_client.get(f"{view_url(sequence, 'simulated-mail')}?{urlencode(asked)}")

    assert answer.status_code == 200
    assert answer["Content-Security-Policy"].startswith("sandbox;")
    assert b"&lt;pro&gt;" in answer.content
    for visit in ("7", "-1", "x", "²", ""):
        address = f"{view_url(sequence, 'simulated-mail')}?{urlencode({**asked, 'visit': visit})}"
        assert admin_client.get(address).status_code == 404


def test_a_draft_is_shown_as_if_it_were_active(admin_client: Client, ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, MAIL, is_active=False)

    page = page_of(admin_client, sequence, VIEW, person="new@example.com")

    assert "Status draft: this is what it would do if it were active." in page
    assert "yes, by event signup" in page
    assert "a new person" in page


def test_an_event_of_theirs_is_offered_and_taken(admin_client: Client, ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, HI)
    signup = factories.EventDefinitionFactory.create(workspace=ada.workspace, name="signup")
    event = factories.EventFactory.create(
        subscriber=ada, definition=signup, properties={"plan": "gold"}
    )

    assert event.public_id in page_of(admin_client, sequence, VIEW, person=ADA)
    page = page_of(admin_client, sequence, VIEW, person=ADA, event=event.public_id)

    assert "Hi Ada, gold" in page
    assert "The person has no such event" in page_of(
        admin_client, sequence, VIEW, person="new@example.com", event=event.public_id
    )


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ({"person": ""}, "People are named by"),
        ({"person": "nobody"}, "People are named by"),
        ({"person": "nul\0"}, "Null characters are not allowed"),
        ({"properties": "{"}, "This is not usable JSON."),
        ({"properties": "[]"}, "This must be an object, not an array."),
        ({"properties": '{"a": "' + 4000 * "x" + '"}'}, "This has more than 4,000 characters."),
        ({"name": "x" * 201, "properties": "{}"}, "The name has 201 characters"),
        ({"at": "tomorrow"}, "Write it as 2026-01-31T09:30."),
        ({"at": "9999-12-31T23:59"}, "The year must be 2000 to 2100."),
        ({"awaited": "zzz"}, "Select a valid choice"),
        ({"event": "evt_x"}, "The person has no such event."),
        ({"event": "evt_x", "properties": "{}"}, "not both"),
    ],
)
def test_a_fault_is_told_at_its_field(
    admin_client: Client, ada: Subscriber, asked: dict[str, str], fault: str
) -> None:
    sequence = make_sequence(ada.workspace, HI)

    page = page_of(admin_client, sequence, VIEW, **{"person": ADA, **asked})

    assert fault in page.replace("&#x27;", "'")
    assert "Enters:" not in page


def test_a_sequence_that_no_event_starts_asks_for_the_name(
    admin_client: Client, ada: Subscriber
) -> None:
    sequence = make_sequence(ada.workspace, MAIL, trigger="manual")

    assert "name the one that comes" in page_of(
        admin_client, sequence, VIEW, person=ADA, properties="{}"
    )
    assert "yes, by an operator" in page_of(admin_client, sequence, VIEW, person=ADA)


def test_who_may_not_see_people_may_not_simulate(client: Client, ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, HI)
    user = User.objects.create(username="looks", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_sequence"))
    client.force_login(user)

    assert client.get(view_url(sequence, "simulate")).status_code == 403
    assert client.get(view_url(sequence, "simulated-mail")).status_code == 403
    assert view_url(sequence, "simulate") not in client.get(page_url(sequence)).content.decode()
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(User.objects.get(pk=user.pk))
    assert client.get(view_url(sequence, "simulate")).status_code == 200
    assert client.post(view_url(sequence, "simulate")).status_code == 405
    assert view_url(sequence, "simulate") in client.get(page_url(sequence)).content.decode()


def test_more_events_take_no_more_statements(admin_client: Client, ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, HI)
    page_of(admin_client, sequence, VIEW, person=ADA)
    counts = []
    for _ in range(2):
        factories.EventFactory.create(subscriber=ada)
        counts.append(statements_of(admin_client, sequence, VIEW, person=ADA))

    assert counts[0] == counts[1]
