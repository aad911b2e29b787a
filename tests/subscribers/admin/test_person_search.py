"""People are found by the beginning of a name, an address or an external id."""

import pytest
from django.test import Client

from config.admin_base import list_url
from events.models import Event
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
        "lena had", "Lena Ängla Haddad", " haddad  lena ängla ", "lena.h@", "u-9",
    ],
)  # fmt: skip
def test_a_name_an_address_or_an_id_finds_the_person(
    admin_client: Client, lena: Subscriber, text: str
) -> None:
    rows = admin_client.get(list_url(Subscriber, q=text)).context["cl"].result_list

    assert list(rows) == [lena]


@pytest.mark.parametrize("text", ["addad", "Lena Novak", "%", "_", "Haddad Haddad", "' OR 1=1"])
def test_what_no_name_begins_with_finds_nobody(
    admin_client: Client, lena: Subscriber, text: str
) -> None:
    rows = admin_client.get(list_url(Subscriber, q=text)).context["cl"].result_list

    assert list(rows) == []


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
