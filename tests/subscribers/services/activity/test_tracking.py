"""What of a mail is tracked when it leaves, and that its links cannot be made to lead elsewhere."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from subscribers.models import OutgoingEmail
from subscribers.services.activity import tracking
from subscribers.services.consent import headers, links
from tests import factories
from tests.support.tracked_mail import (
    HELP,
    HTML,
    SHOP,
    TEXT,
    links_of,
    message_of,
    picture_of,
    sent_mail,
    token_of,
    tracking_workspace,
)

pytestmark = pytest.mark.django_db
Kind = OutgoingEmail.Kind


def test_by_default_a_mail_leaves_as_it_is_stored() -> None:
    email = sent_mail(factories.WorkspaceFactory.create())

    message = message_of(email)

    assert (message.html, message.text) == (HTML, TEXT)


def test_links_lead_through_us_in_html_and_text_and_a_picture_ends_the_html(
    settings: Settings,
) -> None:
    email = sent_mail()

    message = message_of(email)

    sale, help_page = (f"{settings.PUBLIC_URL}{path}" for path in links_of(email))
    assert message.text == f"Sale: {sale}\n\nHelp ({help_page})."
    assert SHOP.replace("&", "&amp;") not in message.html
    assert message.html.endswith("></body></html>")
    assert 'alt=""' in message.html
    email.refresh_from_db()
    assert (email.html, email.text) == (HTML, TEXT)


@pytest.mark.parametrize(
    ("switches", "has_links", "has_picture"),
    [
        ({"tracks_clicks": False}, False, True),
        ({"tracks_opens": False}, True, False),
        ({"tracks_opens": False, "tracks_clicks": False}, False, False),
    ],
)
def test_each_switch_is_for_itself(
    switches: dict[str, bool], has_links: bool, has_picture: bool
) -> None:
    message = message_of(sent_mail(tracking_workspace(**switches)))

    assert ("/r/" in message.html, "/r/" in message.text) == (has_links, has_links)
    assert ("/o/" in message.html) == has_picture


@pytest.mark.parametrize(
    ("kind", "is_on", "is_tracked"),
    [
        (Kind.TRANSACTIONAL, False, False),
        (Kind.TRANSACTIONAL, True, True),
        (Kind.CONFIRMATION, True, False),
    ],
)
def test_mail_that_is_no_marketing(kind: str, is_on: bool, is_tracked: bool) -> None:
    email = sent_mail(tracking_workspace(tracks_transactional=is_on), kind=kind)

    assert (message_of(email).html != HTML) == is_tracked
    assert (message_of(email).text != TEXT) == is_tracked


def test_a_person_who_does_not_want_it_gets_the_mail_as_it_is() -> None:
    email = sent_mail()
    email.subscriber.attributes = {"doNotTrack": True}

    message = message_of(email)

    assert (message.html, message.text) == (HTML, TEXT)


def test_links_to_confirm_and_to_unsubscribe_are_never_changed(settings: Settings) -> None:
    email = sent_mail()
    confirmation = factories.ConfirmationFactory.create(subscriber=email.subscriber)
    leave = headers.unsubscribe_url(email.subscriber)
    confirm = links.link(confirmation, confirmation.asked_at)
    kept = [
        leave,
        f"{leave}/lst_{'0' * 32}",
        confirm,
        f"https://wrapper.example/?to={leave.upper()}",
        f"{settings.PUBLIC_URL}/u/short",
        "mailto:ada@example.com",
        "tel:+49123",
        "#top",
    ]
    email.html = "".join(f'<a href="{url}">x</a>' for url in kept)
    email.text = "\n".join(kept)

    message = message_of(email)

    assert message.html.startswith(email.html)
    assert message.text == email.text


def test_another_attempt_sends_the_same_links() -> None:
    email = sent_mail()

    assert message_of(email) == message_of(OutgoingEmail.objects.get(pk=email.pk))


def test_a_token_leads_to_its_own_link() -> None:
    email = sent_mail()

    found = [tracking.link_of(token_of(path)) for path in links_of(email)]

    assert [link and (link.email, link.url) for link in found] == [(email, SHOP), (email, HELP)]


def test_links_survive_another_secret_key(settings: Settings) -> None:
    email = sent_mail()
    paths = links_of(email)
    settings.SECRET_KEY = "another" * 10

    link = tracking.link_of(token_of(paths[0]))

    assert link is not None
    assert link.url == SHOP
    assert tracking.email_of_open(token_of(picture_of(email))) == email


def test_no_other_token_leads_anywhere() -> None:
    email, other = sent_mail(), sent_mail()
    click, picture = token_of(links_of(email)[0]), token_of(picture_of(email))
    foreign = token_of(links_of(other)[0])
    letters = len(other.pk.bytes) * 8 // 5
    wrong = [
        # Altered, cut off, of another mail, of a picture; not ours.
        *(click[:at] + ("a" if click[at] != "a" else "b") + click[at + 1 :] for at in (0, 20, 41)),
        click[:-1],
        f"{click}a",
        click[:letters] + foreign[letters:],
        picture,
        "",
        "a" * 42,
        "1" * 42,
        "é" * 42,
        "\0" * 42,
    ]

    assert [tracking.link_of(token) for token in wrong] == [None] * len(wrong)
    wrong[wrong.index(picture)] = click
    assert [tracking.email_of_open(token) for token in wrong] == [None] * len(wrong)


def test_a_link_that_the_mail_does_not_have_any_more_leads_nowhere() -> None:
    email = sent_mail()
    path = links_of(email)[0]
    OutgoingEmail.objects.filter(pk=email.pk).update(html="", text="")

    assert tracking.link_of(token_of(path)) is None


def test_making_a_message_asks_the_database_nothing() -> None:
    email = sent_mail()

    with CaptureQueriesContext(connection) as queries:
        message_of(email)

    assert len(queries) == 0
