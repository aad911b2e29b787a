"""The ledger takes whatever browsers and proxies say, on both databases."""

import pytest

from subscribers.models import ConsentRecord, Workspace
from subscribers.services.consent import ledger
from subscribers.services.consent.ledger import Circumstances, Kind
from subscribers.wire.address_hashes import address_hash
from tests import factories
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db


def test_a_line_says_who_what_when_and_by_what(workspace: Workspace) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)
    key = factories.ApiKeyFactory.create(workspace=workspace)
    event = factories.EventFactory.create(subscriber=person)

    ledger.record(
        subscriber=person,
        kind=Kind.CONFIRMED,
        circumstances=Circumstances(
            ip="2001:db8::1",
            user_agent="Browser",
            event_id=event.pk,
            api_key=key,
            request_id="r-1",
            actor="root",
        ),
        now=NOON,
        method="button",
        reason="said so",
        list_name="News",
        text_hash="0" * 64,
    )

    line = ConsentRecord.objects.get()
    hashed = address_hash(workspace.address_hash_key, person.email_key)
    assert (line.workspace, line.subscriber, line.address_hash) == (workspace, person, hashed)
    assert (line.kind, line.method, line.at) == ("confirmed", "button", NOON)
    assert (line.ip, line.user_agent) == ("2001:db8::1", "Browser")
    assert (line.event_id, line.api_key, line.request_id) == (event.pk, key.prefix, "r-1")
    assert (line.actor, line.reason, line.list_name) == ("root", "said so", "News")
    assert line.text_hash == "0" * 64


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        (None, None),
        ("unknown", None),
        ("192.0.2.7:8080", None),
        ("1" * 500, None),
    ],
)
def test_what_is_no_address_of_the_network_is_left_out(
    workspace: Workspace, given: str | None, stored: str | None
) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)

    line = ledger.record(
        subscriber=person, kind=Kind.LEFT, circumstances=Circumstances(ip=given), now=NOON
    )

    line.refresh_from_db()
    assert line.ip == stored


def test_hostile_and_endless_texts_are_made_to_fit(workspace: Workspace) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)

    line = ledger.record(
        subscriber=person,
        kind=Kind.LEFT,
        circumstances=Circumstances(
            user_agent="A\x00B\ud800\r\nC" + "x" * 1000, request_id="r" * 100, actor="a" * 200
        ),
        now=NOON,
        reason="too\x00much " * 100,
        list_name="n" * 300,
        method="m" * 60,
    )

    line.refresh_from_db()
    assert line.user_agent.startswith("A B Cxxx")
    assert "\x00" not in line.reason
    lengths = (len(line.user_agent), len(line.request_id), len(line.actor), len(line.reason))
    assert lengths == (500, 64, 150, 500)
    assert (len(line.list_name), len(line.method)) == (200, 40)


def test_an_address_without_a_subscriber_has_consent_records(workspace: Workspace) -> None:
    ledger.record_of_address(
        workspace=workspace,
        email_key="gone@example.com",
        kind=Kind.SUPPRESSED,
        circumstances=ledger.NOTHING_KNOWN,
        now=NOON,
    )

    line = ConsentRecord.objects.get()
    assert line.subscriber is None
    assert len(line.address_hash) == 64


def test_the_parts_of_a_text_are_separated() -> None:
    assert ledger.hash_of_text("a", "bc") != ledger.hash_of_text("ab", "c")
