"""Everything about one person: every table that knows them, nothing of anybody else, no secrets."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from pytest_django import DjangoAssertNumQueries

from events.models import Enrollment, Event
from events.services.people.document import document as subscriber_document
from subscribers.ids import encode
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber, Workspace
from subscribers.wire.address_hashes import address_hash
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    """Somebody with a name of their own."""
    person: Subscriber = factories.SubscriberFactory.create(
        workspace=workspace,
        email="ada@example.com",
        external_id="user_1",
        first_name="Ada",
        attributes={"plan": "pro"},
        created_at=NOON,
        updated_at=NOON,
    )
    return person


def document_of(person: Subscriber) -> dict[str, Any]:
    """Return the document as a reader of JSON finds it."""
    chunks = subscriber_document.chunks(subscriber=person, now=NOON)
    document: dict[str, Any] = json.loads(b"".join(chunks))
    return document


def test_of_somebody_new_there_is_the_profile_alone(ada: Subscriber) -> None:
    assert document_of(ada) == {
        "exportedAt": "2026-11-24T12:00:00Z",
        "workspace": "acme",
        "subscriber": {
            "id": ada.public_id,
            "email": "ada@example.com",
            "externalId": "user_1",
            "firstName": "Ada",
            "lastName": "",
            "status": "active",
            "tags": [],
            "customAttributes": {"plan": "pro"},
            "timezone": None,
            "createdAt": "2026-11-24T12:00:00Z",
            "updatedAt": "2026-11-24T12:00:00Z",
            "unsubscribedAt": None,
        },
        "lists": [],
        "suppression": None,
        "confirmations": [],
        "consent": [],
        "events": [],
        "sequenceEnrollments": [],
        "emails": [],
        "mailActivity": [],
        "importRejects": [],
        "operatorActions": [],
    }


def test_tags_and_lists_stand_by_name(ada: Subscriber) -> None:
    factories.SubscriberTagFactory.create(subscriber=ada, tag__name="vip")
    factories.ListMembershipFactory.create(
        subscriber=ada, list__name="News", subscribed_at=NOON, unsubscribed_at=NOON
    )

    document = document_of(ada)

    assert document["subscriber"]["tags"] == ["vip"]
    assert document["lists"] == [
        {
            "name": "News",
            "subscribedAt": "2026-11-24T12:00:00Z",
            "unsubscribedAt": "2026-11-24T12:00:00Z",
        }
    ]


def test_consent_includes_records_from_before_the_person_existed(ada: Subscriber) -> None:
    hashed = address_hash(ada.workspace.address_hash_key, ada.email_key)
    factories.ConsentRecordFactory.create(
        workspace=ada.workspace,
        subscriber=None,
        address_hash=hashed,
        kind=ConsentRecord.Kind.ERASED,
    )
    event = factories.EventFactory.create(subscriber=ada)
    factories.ConsentRecordFactory.create(
        subscriber=ada, ip="192.0.2.1", user_agent="Mozilla", event_id=event.pk
    )
    factories.ConfirmationFactory.create(subscriber=ada, mails=2)
    factories.SuppressionFactory.create(
        workspace=ada.workspace, address_hash=hashed, details="550 gone"
    )

    document = document_of(ada)

    assert [line["kind"] for line in document["consent"]] == ["erased", "asked"]
    assert document["consent"][1]["ip"] == "192.0.2.1"
    assert document["consent"][1]["eventId"] == event.public_id
    assert document["confirmations"][0]["mails"] == 2
    assert document["suppression"]["reason"] == "hard_bounce"
    assert document["suppression"]["details"] == "550 gone"


def test_events_come_with_what_they_led_to(ada: Subscriber) -> None:
    effects = {"tagsAdded": [{"tag": "vip", "tagId": "0" * 32, "rule": "1" * 32}]}
    late = factories.EventFactory.create(subscriber=ada, properties={"n": 1}, effects=effects)
    early = factories.EventFactory.create(
        subscriber=ada, occurred_at=NOON - timedelta(days=1), is_historical=True, event_id="A-7"
    )

    first, second = document_of(ada)["events"]

    assert (first["id"], second["id"]) == (early.public_id, late.public_id)
    assert (first["eventId"], first["historical"]) == ("A-7", True)
    assert (second["name"], second["properties"]) == (late.definition.name, {"n": 1})
    assert second["effects"] == effects


def test_sequences_come_with_each_step_and_its_mail(ada: Subscriber) -> None:
    started_by = factories.EventFactory.create(subscriber=ada)
    enrollment: Enrollment = factories.EnrollmentFactory.create(
        subscriber=ada, version__workspace=ada.workspace, started_by=started_by, reason="stopped_by"
    )
    email: OutgoingEmail = factories.OutgoingEmailFactory.create(
        subscriber=ada, html="<p>Hello</p>", headers={"X-Kind": "news"}
    )
    factories.StepRunFactory.create(
        enrollment=enrollment, email=email, outcome={"email": "sent"}, visit=1
    )

    document = document_of(ada)

    [entry] = document["sequenceEnrollments"]
    [step] = entry["steps"]
    [mail] = document["emails"]
    assert entry["enrollmentId"] == enrollment.public_id
    assert entry["sequenceId"] == enrollment.sequence.public_id
    assert entry["startedByEventId"] == started_by.public_id
    assert (entry["version"], entry["currentNodeType"], entry["reason"]) == (
        1,
        "exit",
        "stopped_by",
    )
    assert (step["nodeId"], step["outcome"]) == ("out", {"email": "sent"})
    assert step["emailId"] == mail["id"] == encode("eml", email.pk)
    assert (mail["html"], mail["text"]) == ("<p>Hello</p>", "Hello.")
    assert (mail["to"], mail["headers"]) == ("ada@example.com", {"X-Kind": "news"})


def test_what_became_of_mails_is_included(ada: Subscriber) -> None:
    email = factories.OutgoingEmailFactory.create(subscriber=ada, sent=True)
    url, reasons = "https://shop.example/", ["page"]
    factories.MailActivityFactory.create(
        email=email, kind="clicked", quality="human", url=url, reasons=reasons, times=2
    )

    assert document_of(ada)["mailActivity"] == [
        {
            "emailId": email.public_id,
            "kind": "clicked",
            "at": "2026-11-24T12:00:00Z",
            "times": 2,
            "lastAt": "2026-11-24T12:00:00Z",
            "quality": "human",
            "reasons": reasons,
            "url": url,
            "bounceType": "",
        }
    ]


def test_rejected_rows_and_actions_of_operators_are_included(ada: Subscriber) -> None:
    factories.ImportRejectFactory.create(
        run__workspace=ada.workspace, row='{"email": "ADA@example.com"}', line=7
    )
    factories.ImportRejectFactory.create(
        run__workspace=ada.workspace, row='{"email": "bob@example.com"}'
    )
    LogEntry.objects.create(
        user=User.objects.create(username="operator"),
        content_type=ContentType.objects.get_for_model(Subscriber),
        object_id=str(ada.pk),
        object_repr=str(ada),
        action_flag=CHANGE,
        change_message="Suppressed: by phone",
    )

    document = document_of(ada)

    assert [(row["line"], row["files"]) for row in document["importRejects"]] == [
        (7, ["events.csv"])
    ]
    assert [entry["what"] for entry in document["operatorActions"]] == ["Suppressed: by phone"]
    assert "operator" not in json.dumps(document["operatorActions"])


def test_nobody_else_and_no_secret_is_in_it(ada: Subscriber) -> None:
    other = factories.SubscriberFactory.create(workspace=ada.workspace, email="bob@example.com")
    factories.EventFactory.create(subscriber=other)
    factories.OutgoingEmailFactory.create(subscriber=other)
    factories.ConsentRecordFactory.create(subscriber=other)

    text = json.dumps(document_of(ada))

    assert other.email not in text
    assert document_of(ada)["consent"] == []
    for secret in (
        ada.unsubscribe_token,
        ada.workspace.address_hash_key,
        ada.workspace.webhook_secret,
    ):
        assert secret not in text


def test_lists_of_any_length_are_whole(ada: Subscriber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber_document, "PAGE", 2)
    monkeypatch.setattr(subscriber_document, "EMAILS_AT_ONCE", 2)
    events = [
        factories.EventFactory.create(subscriber=ada, occurred_at=NOON - timedelta(days=n % 3))
        for n in range(7)
    ]
    mails = [factories.OutgoingEmailFactory.create(subscriber=ada) for _ in range(5)]

    document = document_of(ada)

    in_order = sorted(events, key=lambda event: (event.occurred_at, event.pk))
    assert [row["id"] for row in document["events"]] == [event.public_id for event in in_order]
    assert [row["id"] for row in document["emails"]] == [mail.public_id for mail in mails]


def test_it_takes_no_more_queries_for_more_rows(
    ada: Subscriber, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(4):
        event: Event = factories.EventFactory.create(subscriber=ada)
        factories.StepRunFactory.create(
            enrollment__subscriber=ada,
            enrollment__version__workspace=ada.workspace,
            enrollment__started_by=event,
        )

    with django_assert_max_num_queries(18):
        document_of(ada)
