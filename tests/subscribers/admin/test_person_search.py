"""People are found by the beginning of a name, an address or an external id."""

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from config.admin_base import list_url
from events.models import Event
from subscribers.admin import person_search
from subscribers.admin.person_search import with_words
from subscribers.models import OutgoingEmail, Subscriber
from tests import factories


@pytest.fixture
def lena(db: None) -> Subscriber:
    factories.SubscriberFactory.create(first_name="Ada", last_name="Novak")
    factories.SubscriberFactory.create()
    return factories.SubscriberFactory.create(
        email="lena.h@example.com", first_name="Lena Ängla", last_name="Haddad", external_id="u-9"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Haddad", "haddad", "HADDAD", "had", "Lena", "lena ängla", "Lena Haddad", "haddad lena",
        "lena had", "Lena Ängla Haddad", "ängla", "ÄNG", "Haddad ängla", "had äng len",
        " haddad  lena ängla ", "lena.h@", "u-9",
    ],
)  # fmt: skip
def test_a_name_an_address_or_an_id_finds_the_person(
    admin_client: Client, lena: Subscriber, text: str
) -> None:
    rows = admin_client.get(list_url(Subscriber, q=text)).context["cl"].result_list

    assert list(rows) == [lena]


@pytest.mark.parametrize(
    "text", ["addad", "Lena Novak", "%", "_", "ngla", "Ängla Novak", "' OR 1=1"]
)
def test_what_no_name_begins_with_finds_nobody(
    admin_client: Client, lena: Subscriber, text: str
) -> None:
    rows = admin_client.get(list_url(Subscriber, q=text)).context["cl"].result_list

    assert list(rows) == []


def test_later_words_are_read_from_their_own_index(db: None) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")

    plan = with_words(["garcia"])[:5].explain()

    assert "subscriber_names_of_words" in plan


def test_lists_of_what_people_did_are_found_by_their_name(
    admin_client: Client, lena: Subscriber
) -> None:
    event = factories.EventFactory.create(subscriber=lena)
    email = factories.OutgoingEmailFactory.create(subscriber=lena)
    factories.EventFactory.create()
    factories.OutgoingEmailFactory.create()

    events = admin_client.get(list_url(Event, q="haddad")).context["cl"].result_list
    mails = admin_client.get(list_url(OutgoingEmail, q="Lena Had")).context["cl"].result_list

    assert list(events) == [event]
    assert list(mails) == [email]


@pytest.mark.parametrize("by", ["sidebar", "filter"])
@pytest.mark.parametrize("model", [Subscriber, Event])
def test_people_of_other_workspaces_push_nobody_out(
    admin_client: Client,
    lena: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
    model: type[Model],
    by: str,
) -> None:
    monkeypatch.setattr(person_search, "MOST_PEOPLE", 2)
    monkeypatch.setattr(person_search, "MOST_BY_WORDS", 2)
    event = factories.EventFactory.create(subscriber=lena)
    for _ in range(3):
        factories.SubscriberFactory.create(first_name="Ada Ängla", last_name="Haddad")
    workspace = lena.workspace_id.hex
    narrowed = {"workspace__id__exact": workspace} if by == "filter" else {}
    if by == "sidebar":
        admin_client.post(reverse("choose-workspace"), {"workspace": workspace})

    rows = admin_client.get(list_url(model, q="Ängla", **narrowed)).context["cl"].result_list

    assert list(rows) == [lena if model is Subscriber else event]


def test_a_list_that_a_link_leads_to_is_searched_in_all_workspaces(
    admin_client: Client, lena: Subscriber
) -> None:
    tag = factories.SubscriberTagFactory.create(subscriber=lena, workspace=lena.workspace).tag
    other = factories.WorkspaceFactory.create()
    admin_client.post(reverse("choose-workspace"), {"workspace": other.pk.hex})

    shown = admin_client.get(list_url(Subscriber, q="Ängla", tag=tag.pk.hex)).context["cl"]

    assert list(shown.result_list) == [lena]
