"""The ledger in the admin: found by person and by address, never changed."""

import pytest
from django.test import Client
from django.utils import timezone

from config.admin_base import admin_url, list_url
from subscribers.models import ConsentRecord
from subscribers.wire.address_hashes import address_hash
from tests import factories


def test_a_record_shows_who_how_and_under_which_circumstances(
    admin_client: Client, db: None
) -> None:
    event = factories.EventFactory.create(definition__name="signup")
    record = factories.ConsentRecordFactory.create(
        subscriber=event.subscriber,
        kind="confirmed",
        method="gesture",
        ip="192.0.2.7",
        user_agent="Mozilla/5.0",
        event_id=event.pk,
        api_key="cue_abc",
        request_id="req_1",
        text_hash="f" * 64,
    )

    page = admin_client.get(admin_url(record)).content.decode()

    assert admin_url(event.subscriber) in page
    assert f'<a href="{admin_url(event)}">signup</a>' in page
    for text in ("a gesture on the page", "192.0.2.7", "Mozilla/5.0", "cue_abc", "req_1"):
        assert text in page
    assert "f" * 64 in page


def test_a_line_outlives_its_event(admin_client: Client, db: None) -> None:
    event = factories.EventFactory.create()
    record = factories.ConsentRecordFactory.create(event_id=event.pk)
    event.delete()

    assert admin_client.get(admin_url(record)).status_code == 200


@pytest.mark.parametrize("text", ["ADA@example.com", "user-1", "gone@example.com"])
def test_lines_are_found_by_person_and_by_the_address_of_somebody_erased(
    admin_client: Client, db: None, text: str
) -> None:
    person = factories.SubscriberFactory.create(email="ada@example.com", external_id="user-1")
    record = factories.ConsentRecordFactory.create(subscriber=person)
    key = person.workspace.address_hash_key
    erased = factories.ConsentRecordFactory.create(
        subscriber=None,
        workspace=person.workspace,
        address_hash=address_hash(key, "gone@example.com"),
    )
    factories.ConsentRecordFactory.create()

    answer = admin_client.get(list_url(ConsentRecord, q=text))

    expected = erased if text.startswith("gone") else record
    assert list(answer.context["cl"].result_list) == [expected]


def test_the_list_is_narrowed_by_what_happened(admin_client: Client, db: None) -> None:
    factories.ConsentRecordFactory.create(at=timezone.now())
    left = factories.ConsentRecordFactory.create(
        kind="left_list", method="page", list_name="News", at=timezone.now()
    )

    answer = admin_client.get(list_url(ConsentRecord, kind__exact="left_list"))

    assert list(answer.context["cl"].result_list) == [left]
    assert "News" in answer.content.decode()
