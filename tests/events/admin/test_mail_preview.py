"""One mail of a sequence as a person gets it: stored or typed; and a test of it."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import admin_url, view_url
from config.admin_links import page_url
from events.models import Sequence
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support.asking_pages import page_of, statements_of
from tests.support.mail_previews import HI, TYPED, html_of, post_typed, shown, signed_up
from tests.support.sequence_making import make_sequence

LAYOUT = '<h1>{{workspace.name}}</h1>{{content}}<a href="{{unsubscribeUrl}}">Leave</a>'
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{workspace.name}}'


@pytest.fixture
def acme(workspace: Workspace) -> Workspace:
    workspace.name, workspace.postal_address = "Acme", "1 Main Street"
    workspace.save()
    return workspace


@pytest.fixture
def sequence(acme: Workspace) -> Sequence:
    return make_sequence(acme, {"type": "delay", "days": 1}, HI)


@pytest.fixture
def ada(acme: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=acme, email="ada@example.com", external_id="user-7", first_name="Ada"
    )


def test_the_newest_event_says_for_whom(
    admin_client: Client, sequence: Sequence, ada: Subscriber
) -> None:
    signed_up(ada, "team")
    signed_up(factories.SubscriberFactory.create(workspace=ada.workspace), "old", days=-3)

    page = shown(admin_client, sequence)

    assert f'<a href="{admin_url(ada)}">ada@example.com</a>' in page
    assert "With their event signup," in page
    assert "<bdi>Hi Ada, team</bdi>" in page
    assert "<bdi>Look at this</bdi>" in page
    assert "event.gone is empty: nothing takes its place." in page
    assert "<code>https://shop.example/team</code>" in page
    # The footer has the link to leave, whose token no screen shows.
    assert "It ends with the workspace&#x27;s footer" in page
    assert ada.unsubscribe_token not in page
    assert "<p>team</p>" in html_of(admin_client, sequence)


def test_another_person_and_event_are_chosen(
    admin_client: Client, sequence: Sequence, ada: Subscriber
) -> None:
    signed_up(factories.SubscriberFactory.create(workspace=ada.workspace), "theirs")
    event = signed_up(ada, "pro", days=-2)

    named = shown(admin_client, sequence, person="user-7")
    chosen = shown(admin_client, sequence, person=ada.email, event=event.public_id)
    typed = shown(admin_client, sequence, person=ada.email, properties='{"plan": "free"}')
    unknown = shown(admin_client, sequence, person="new@example.com")

    assert "Hi Ada, pro" in named
    assert "Hi Ada, pro" in chosen
    assert "Hi Ada, free" in typed
    assert "Hi friend, theirs" in unknown
    assert "of another person" in unknown
    assert "subscriber.firstName is empty: “friend” takes its place." in unknown


def test_without_events_somebody_is_invented(admin_client: Client, sequence: Sequence) -> None:
    page = shown(admin_client, sequence)

    assert "ada@example.com, an invented person" in page
    assert "Without an event" in page
    assert "Hi Ada," in page
    assert not Subscriber.objects.exists()


def test_the_layout_is_around_the_mail(
    admin_client: Client, sequence: Sequence, acme: Workspace
) -> None:
    acme.mail_layout, acme.has_footer = LAYOUT, False
    acme.save()

    page = shown(admin_client, sequence)
    html = html_of(admin_client, sequence)

    assert "the workspace's" in page
    assert "no link to leave" not in page
    assert "<h1>Acme</h1>" in html
    assert "/u/hidden" in html


def test_a_mail_without_a_way_out_is_a_warning(
    admin_client: Client, sequence: Sequence, acme: Workspace
) -> None:
    acme.has_footer = False
    acme.save()

    assert "It has no link to leave" in shown(admin_client, sequence)


def test_why_they_would_not_get_it_is_said(
    admin_client: Client, sequence: Sequence, ada: Subscriber
) -> None:
    Subscriber.objects.update(status=Subscriber.Status.UNSUBSCRIBED)

    assert "They would not get it now: the person has unsubscribed." in shown(
        admin_client, sequence, person=ada.email
    )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"person": "nobody at all"}, "nobody at all"),
        ({"event": "evt_1"}, "The person has no such event."),
        ({"properties": "{"}, "This is not usable JSON."),
        ({"properties": "[]"}, "This must be an object"),
        ({"properties": "{}", "event": "evt_1"}, "not both"),
    ],
)
def test_a_wrong_choice_is_named(
    admin_client: Client, sequence: Sequence, asked: dict[str, str], words: str
) -> None:
    page = shown(admin_client, sequence, **asked)

    assert words in page
    assert "Send a test" not in page


@pytest.mark.parametrize("query", ["", "number=1", "number=9", "number=x", "number=2&version=7"])
def test_what_is_no_mail_is_not_found(admin_client: Client, sequence: Sequence, query: str) -> None:
    for view in ("mail", "mail-html"):
        assert admin_client.get(f"{view_url(sequence, view)}?{query}").status_code == 404


@pytest.mark.parametrize("row", ["", "0", "1", "7", "x", "-1", "9999"])
def test_a_row_that_is_no_mail_is_not_found(
    admin_client: Client, sequence: Sequence, row: str
) -> None:
    for view in ("typed-mail", "typed-mail-html", "test-mail"):
        answer = admin_client.post(f"{view_url(sequence, view)}?row={row}", TYPED)
        assert answer.status_code == 404


def test_hostile_values_are_text_everywhere(
    admin_client: Client, sequence: Sequence, ada: Subscriber
) -> None:
    Subscriber.objects.update(first_name=HOSTILE)
    signed_up(ada, HOSTILE)

    page, html = shown(admin_client, sequence), html_of(admin_client, sequence)

    for each in (page, html):
        assert "<script>alert" not in each
        assert "<img src=x" not in each
    assert "Acme" not in html


def test_the_flow_the_step_and_the_editor_lead_to_it(
    admin_client: Client, sequence: Sequence
) -> None:
    address = f"{view_url(sequence, 'mail')}?version=1&amp;number=2"

    flow = admin_client.get(page_url(sequence)).content.decode()
    step = admin_client.get(f"{view_url(sequence, 'step')}?number=2").content.decode()
    editor = admin_client.get(admin_url(sequence)).content.decode()
    simulated = page_of(admin_client, sequence, "simulate", person="ada@example.com")

    assert flow.count(address) == 1
    assert address in step
    assert f'formaction="{view_url(sequence, "typed-mail")}?row=1"' in editor
    assert "row=0" not in editor
    assert f"{address}&amp;as-person=ada%40example.com" in simulated


def test_a_new_sequence_has_nothing_to_preview_yet(admin_client: Client) -> None:
    answer = admin_client.get("/admin/events/sequence/add/")

    assert b"Preview and test" not in answer.content


def test_what_is_typed_is_shown_and_not_saved(
    admin_client: Client, sequence: Sequence, ada: Subscriber
) -> None:
    signed_up(ada, "team")

    page = post_typed(admin_client, sequence, "typed-mail").content.decode()
    html = post_typed(admin_client, sequence, "typed-mail-html")

    assert "it is not saved" in page
    assert "<bdi>Typed Ada</bdi>" in page
    assert 'name="steps-0-html" value="Hi **{{subscriber.firstName|you}}** &lt;b&gt;x' in page
    assert "row=0&amp;number=3" in page
    assert "The sequence&#x27;s own field" not in page
    assert b"<strong>Ada</strong> &lt;b&gt;x" in html.content
    assert html.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert sequence.versions.count() == 1
    assert not LogEntry.objects.exists()


def test_what_is_typed_wrong_is_named(admin_client: Client, sequence: Sequence) -> None:
    fields = {"steps-2-subject": "{{password}}", "steps-2-html": "{% if %}"}

    page = post_typed(admin_client, sequence, "typed-mail", **fields).content.decode()

    assert "subject: Line 1: &#x27;password&#x27; is not known" in page
    assert "body: Line 1" in page
    assert post_typed(admin_client, sequence, "typed-mail-html", **fields).status_code == 404


def test_typed_markdown_with_too_many_brackets_is_not_rendered(
    admin_client: Client, sequence: Sequence
) -> None:
    fields = {"steps-2-html": "[" * 501}

    page = post_typed(admin_client, sequence, "typed-mail", **fields).content.decode()

    assert "body: has 501 “[”; Markdown may have at most 500." in page
    assert post_typed(admin_client, sequence, "typed-mail-html", **fields).status_code == 404


def allow(client: Client, *codenames: str) -> None:
    person = User.objects.create_user("mia", password="x", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(person)


LOOKING = (
    "view_sequence",
    "view_subscriber",
    "view_outgoingemail",
    "view_event",
    "view_enrollment",
)


@pytest.mark.parametrize("missing", ["view_event", "view_subscriber", "view_outgoingemail"])
def test_it_shows_people_so_it_needs_their_rights(
    client: Client, sequence: Sequence, missing: str
) -> None:
    allow(client, *(set(LOOKING) - {missing}), "change_sequence")

    assert client.get(f"{view_url(sequence, 'mail')}?number=2").status_code == 403
    assert client.get(f"{view_url(sequence, 'mail-html')}?number=2").status_code == 403
    for view in ("typed-mail", "typed-mail-html", "test-mail"):
        assert post_typed(client, sequence, view, address="me@example.com").status_code == 403
    assert b"Preview and test" not in client.get(page_url(sequence)).content
    assert b"Preview and test" not in client.get(admin_url(sequence)).content


def test_who_may_only_look_sends_and_types_nothing(
    client: Client, sequence: Sequence, mailoutbox: list[object]
) -> None:
    allow(client, *LOOKING)

    assert "Send a test" not in shown(client, sequence)
    for view in ("typed-mail", "typed-mail-html", "test-mail"):
        assert post_typed(client, sequence, view, address="me@example.com").status_code == 403
    assert mailoutbox == []


def test_get_does_nothing(admin_client: Client, sequence: Sequence) -> None:
    for view in ("typed-mail", "typed-mail-html", "test-mail"):
        assert admin_client.get(f"{view_url(sequence, view)}?row=0").status_code == 405


def test_the_page_takes_the_same_statements_for_many_rows(
    admin_client: Client, sequence: Sequence, ada: Subscriber
) -> None:
    signed_up(ada, "team")
    statements_of(admin_client, sequence, "mail", number="2")  # loads the version once
    before = statements_of(admin_client, sequence, "mail", number="2")

    for number in range(5):
        signed_up(ada, "more", days=number)
        person = factories.SubscriberFactory.create(workspace=ada.workspace)
        signed_up(person, "other", days=-number)

    assert statements_of(admin_client, sequence, "mail", number="2") == before
