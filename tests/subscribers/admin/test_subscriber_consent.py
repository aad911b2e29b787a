"""A person's page shows how their consent came about."""

from django.test import Client

from config.admin_base import admin_url, list_url
from subscribers.models import ConsentRecord
from tests import factories


def test_the_page_has_the_ledger_newest_first_and_a_link_to_all_of_it(
    admin_client: Client, db: None
) -> None:
    person = factories.SubscriberFactory.create()
    for number in range(51):
        factories.ConsentRecordFactory.create(subscriber=person, reason=f"line {number:02}")
    stranger = factories.ConsentRecordFactory.create(reason="somebody else's")

    page = admin_client.get(admin_url(person) + "?show=consent").content.decode()
    rows = admin_client.get(list_url(ConsentRecord, subscriber__id__exact=person.pk))

    assert page.index("line 50") < page.index("line 01")
    assert "line 00" not in page
    assert stranger.reason not in page
    assert f"subscriber__id__exact={person.pk}" in page
    assert stranger not in rows.context["cl"].result_list
