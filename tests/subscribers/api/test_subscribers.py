"""`/subscribers`: people created, read, changed, left and erased."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from events.models import Enrollment
from subscribers.models import (
    ConsentRecord,
    ListMembership,
    OutgoingEmail,
    Subscriber,
    Suppression,
)  # fmt: skip
from subscribers.services.workspaces import api_keys
from tests import factories
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, send
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
ADA = {"email": "ada@example.com", "externalId": "user/1", "firstName": "Ada", "tags": ["VIP"]}


def create(caller: Caller, **fields: object) -> dict[str, Any]:
    reply = caller.post(PEOPLE, {**ADA, **fields})
    assert reply.status == 200, reply.json
    subscriber: dict[str, Any] = reply.json["subscriber"]
    return subscriber


@pytest.fixture(params=["email", "external", "query", "id"])
def path_of_ada(request: pytest.FixtureRequest, caller: Caller) -> str:
    """Return where Ada is, by each of the addressings."""
    subscriber = create(caller, customAttributes={"plan": "pro", "seats": 3})
    external = quote("user/1", safe="")
    return {
        "email": f"{PEOPLE}/ada@example.com",
        "external": f"{PEOPLE}/external/{external}",
        "query": f"{PEOPLE}/external?externalId={external}",
        "id": f"{PEOPLE}/{subscriber['id']}",
    }[str(request.param)]


def test_somebody_new_is_created_with_all_that_is_given(caller: Caller) -> None:
    made = create(caller, customAttributes={"plan": "pro"}, timezone="Europe/Berlin")

    assert made["email"] == "ada@example.com"
    assert (made["created"], made["updated"], made["skipped"]) == (True, False, False)
    assert made["tags"] == ["vip"]
    assert made["customAttributes"] == {"plan": "pro"}
    assert made["timezone"] == "Europe/Berlin"
    assert made["status"] == "active"


def test_a_known_one_is_skipped_merged_or_overwritten_as_asked(caller: Caller) -> None:
    create(caller)
    skipped = create(caller, firstName="Augusta", lastName="Lovelace")
    merged = create(caller, firstName="Augusta", lastName="Lovelace", duplicateStrategy="merge")
    written = create(caller, firstName="Augusta", duplicateStrategy="overwrite")

    assert (skipped["skipped"], skipped["lastName"]) == (True, "")
    assert (merged["updated"], merged["firstName"], merged["lastName"]) == (True, "Ada", "Lovelace")
    assert (written["updated"], written["firstName"]) == (True, "Augusta")
    assert Subscriber.objects.count() == 1


def test_overwriting_never_brings_somebody_back(caller: Caller) -> None:
    create(caller)
    send(caller, "PATCH", f"{PEOPLE}/ada@example.com", {"status": "unsubscribed"})

    again = create(caller, status="active", duplicateStrategy="overwrite")

    assert again["status"] == "unsubscribed"


@pytest.mark.parametrize(
    ("fields", "status"), [({}, "pending"), ({"optInMode": "confirmed"}, "active")]
)
def test_double_opt_in_asks_unless_the_caller_answers_for_it(
    caller: Caller, fields: dict[str, str], status: str
) -> None:
    caller.workspace.double_opt_in = True
    caller.workspace.from_email = "news@example.com"
    caller.workspace.config_version += 1
    caller.workspace.save()

    reply = caller.post(PEOPLE, {**ADA, **fields})

    assert reply.json["subscriber"]["status"] == status
    asked = reply.json.get("optIn")
    assert asked == ({"required": True, "emailQueued": True} if status == "pending" else None)
    assert OutgoingEmail.objects.count() == (status == "pending")


def test_a_person_is_read_by_each_addressing(caller: Caller, path_of_ada: str) -> None:
    caller.bulk({"name": "order.placed", "properties": {"total": 9}}, email="ada@example.com")

    read = caller.get(path_of_ada)

    assert read.status == 200
    subscriber = read.json["subscriber"]
    assert subscriber["externalId"] == "user/1"
    assert subscriber["customAttributes"] == {"plan": "pro", "seats": 3}
    assert subscriber["activity"][0]["eventName"] == "order.placed"
    assert subscriber["emailStats"]["sent"] == 0
    assert subscriber["lists"] == subscriber["sequenceEnrollments"] == subscriber["notes"] == []


def test_a_change_keeps_what_it_leaves_out(caller: Caller, path_of_ada: str) -> None:
    changed = send(caller, "PATCH", path_of_ada, {"lastName": "Lovelace"})

    assert changed.status == 200, changed.json
    subscriber = changed.json["subscriber"]
    assert (subscriber["firstName"], subscriber["lastName"]) == ("Ada", "Lovelace")
    assert subscriber["tags"] == ["vip"]
    assert subscriber["customAttributes"] == {"plan": "pro", "seats": 3}


def test_somebody_is_erased_and_can_be_made_again(caller: Caller, path_of_ada: str) -> None:
    caller.bulk({"name": "order.placed"}, email="ada@example.com")

    gone = send(caller, "DELETE", path_of_ada)

    assert (gone.status, gone.json["deleted"]) == (200, True)
    assert not Subscriber.objects.exists()
    assert not Suppression.objects.exists()
    assert create(caller)["created"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["nobody@example.com", "not-an-address", "external/9"])
def test_nobody_is_a_404(caller: Caller, method: str, path: str) -> None:
    reply = send(caller, method, f"{PEOPLE}/{path}", {} if method == "PATCH" else None)

    assert (reply.status, reply.code) == (404, "SUBSCRIBER_NOT_FOUND")


@pytest.mark.parametrize("text", ["a%00b", "a" * 600, "%20", "%ED%A0%80"])
def test_what_nobody_can_have_as_external_id_is_nobody(caller: Caller, text: str) -> None:
    path = f"{PEOPLE}/external/{text}"
    key = {"Idempotency-Key": "k"}
    replies = [
        send(caller, "GET", path),
        send(caller, "DELETE", path),
        send(caller, "GET", f"{path}/timeline"),
        caller.send("POST", f"{path}/unsubscribe", b"", headers=key),
    ]

    assert {reply.status for reply in replies} <= {400, 404}
    query = send(caller, "GET", f"{PEOPLE}/external?externalId={text}")
    assert query.status in {400, 404}


def test_a_read_has_the_etag_that_a_change_expects(caller: Caller) -> None:
    create(caller)
    path = f"{PEOPLE}/ada@example.com"
    seen = send(caller, "GET", path).headers["ETag"]

    changed = send(caller, "PATCH", path, {"lastName": "A"}, If_Match=seen)

    assert changed.status == 200
    assert changed.headers["ETag"] != seen


def test_a_test_key_asks_nobody_by_a_new_address(caller: Caller) -> None:
    caller.workspace.double_opt_in = True
    caller.workspace.from_email = "news@example.com"
    caller.workspace.config_version += 1
    caller.workspace.save()
    made = api_keys.create(workspace=caller.workspace, name="test", is_test=True)
    tester = Caller(caller.workspace, made.text)
    create(tester)

    changed = send(tester, "PATCH", f"{PEOPLE}/ada@example.com", {"email": "b@example.com"})

    assert changed.json["subscriber"]["status"] == "pending"
    assert not OutgoingEmail.objects.filter(status="queued").exists()


def test_a_claimed_consent_names_the_key(caller: Caller) -> None:
    create(caller, optInMode="confirmed")

    line = ConsentRecord.objects.get(kind=ConsentRecord.Kind.CONFIRMED)

    assert caller.key.startswith(line.api_key)
    assert line.request_id.startswith("req_")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_another_workspace_s_people_are_nobody(
    caller: Caller, stranger: Caller, method: str
) -> None:
    subscriber = create(caller)

    for address in ("ada@example.com", subscriber["id"], "external/user%2F1"):
        reply = send(stranger, method, f"{PEOPLE}/{address}", {} if method == "PATCH" else None)
        assert (reply.status, reply.code) == (404, "SUBSCRIBER_NOT_FOUND")
    assert Subscriber.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"firstName": ""}, {"firstName": ""}),
        ({"timezone": None}, {"timezone": None}),
        ({"tags": ["lead", "Trial User"]}, {"tags": ["lead", "trial-user"]}),
        ({"tags": []}, {"tags": []}),
        ({"customAttributes": {"a": 1}}, {"customAttributes": {"a": 1}}),
        (
            {"customAttributes": {"a": 1, "plan": None}, "customAttributesStrategy": "merge"},
            {"customAttributes": {"a": 1, "seats": 3}},
        ),
        ({"externalId": "user_2"}, {"externalId": "user_2"}),
        ({"email": "Ada@New.example"}, {"email": "Ada@new.example"}),
    ],
)
def test_each_field_changes_as_the_contract_says(
    caller: Caller, body: dict[str, object], expected: dict[str, object]
) -> None:
    create(caller, customAttributes={"plan": "pro", "seats": 3}, timezone="Europe/Berlin")

    changed = send(caller, "PATCH", f"{PEOPLE}/ada@example.com", body)

    assert changed.status == 200, changed.json
    assert expected.items() <= changed.json["subscriber"].items()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"firstName": None}, "firstName"),
        ({"email": "nonsense"}, "email"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"status": "pending"}, "status"),
        ({"tags": "vip"}, "tags"),
        ({"customAttributes": []}, "customAttributes"),
        ({"first_name": "Ada"}, "first_name"),
    ],
)
def test_a_faulty_change_changes_nothing(
    caller: Caller, body: dict[str, object], path: str
) -> None:
    create(caller)

    refused = send(caller, "PATCH", f"{PEOPLE}/ada@example.com", {"lastName": "X", **body})

    assert (refused.status, refused.json["error"]["details"][0]["path"]) == (400, path)
    assert Subscriber.objects.get().last_name == ""


def test_what_the_hosted_product_has_and_we_do_not_is_a_warning(caller: Caller) -> None:
    reply = caller.post(PEOPLE, {**ADA, "phone": "+49 30 1"})

    assert reply.status == 200
    assert reply.json["warnings"] == [{"path": "phone", "message": "changes nothing here."}]


def test_a_taken_address_or_id_is_a_conflict(caller: Caller) -> None:
    create(caller)
    create(caller, email="bob@example.com", externalId="user_2")

    for body in ({"email": "bob@example.com"}, {"externalId": "user_2"}):
        refused = send(caller, "PATCH", f"{PEOPLE}/ada@example.com", body)
        assert (refused.status, refused.code) == (409, "CONFLICT")


def test_unsubscribing_is_the_whole_unsubscribe(caller: Caller) -> None:
    create(caller)

    left = send(caller, "POST", f"{PEOPLE}/ada@example.com/unsubscribe")

    assert (left.status, left.json["subscriber"]["status"]) == (200, "unsubscribed")
    line = ConsentRecord.objects.get(kind=ConsentRecord.Kind.LEFT)
    assert line.method == "api"
    assert caller.key.startswith(line.api_key)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("unsubscribed", "resubscribe"),
        ("bounced", "lift the suppression"),
        ("complained", "resubscribe"),
    ],
)
def test_nobody_is_switched_back_by_an_application(
    caller: Caller, status: str, advice: str
) -> None:
    create(caller)
    changed = send(caller, "PATCH", f"{PEOPLE}/ada@example.com", {"status": status})
    assert changed.json["subscriber"]["status"] == status

    refused = send(caller, "PATCH", f"{PEOPLE}/ada@example.com", {"status": "active"})

    assert (refused.status, refused.code) == (409, "CONFLICT")
    assert advice in refused.message
    assert Subscriber.objects.get().status == status


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "complained"])
def test_the_address_of_somebody_who_left_stays_out_after_erasing(
    caller: Caller, status: str
) -> None:
    create(caller)
    send(caller, "PATCH", f"{PEOPLE}/ada@example.com", {"status": status})

    gone = send(caller, "DELETE", f"{PEOPLE}/ada@example.com")

    assert gone.json == {"success": True, "deleted": True, "isSuppressed": True}
    assert Suppression.objects.get().email == ""


def test_the_address_stays_out_where_the_caller_asks_for_it(caller: Caller) -> None:
    create(caller)
    path = f"{PEOPLE}/ada@example.com"

    gone = send(caller, "DELETE", f"{path}?keepSuppressed=true")

    assert gone.json == {"success": True, "deleted": True, "isSuppressed": True}
    assert Suppression.objects.get().email == ""


def test_another_address_takes_queued_mail_along_and_asks_a_pending_person_again(
    caller: Caller,
) -> None:
    caller.workspace.double_opt_in = True
    caller.workspace.from_email = "news@example.com"
    caller.workspace.config_version += 1
    caller.workspace.save()
    asked = create(caller)
    create(caller, email="bob@example.com", externalId="2", optInMode="confirmed")
    bob = Subscriber.objects.get(email="bob@example.com")
    mail = factories.OutgoingEmailFactory.create(subscriber=bob)

    send(caller, "PATCH", f"{PEOPLE}/bob@example.com", {"email": "bob@new.example"})
    again = send(caller, "PATCH", f"{PEOPLE}/ada@example.com", {"email": "ada@new.example"})

    mail.refresh_from_db()
    assert mail.recipient == "bob@new.example"
    assert (asked["status"], again.json["subscriber"]["status"]) == ("pending", "pending")
    confirmations = OutgoingEmail.objects.filter(subscriber__external_id="user/1", status="queued")
    assert [each.recipient for each in confirmations] == ["ada@new.example"]


def test_a_new_person_joins_the_default_lists_unless_lists_are_given(caller: Caller) -> None:
    factories.ListFactory.create(workspace=caller.workspace, name="News", is_default=True)
    factories.ListFactory.create(workspace=caller.workspace, name="Tips")
    create(caller)
    create(caller, email="none@example.com", externalId="2", lists=[])
    create(caller, email="tips@example.com", externalId="3", lists=["Tips"])
    create(caller, email="tips@example.com", externalId="3", duplicateStrategy="overwrite")

    joined = ListMembership.objects.values_list("subscriber__email", "list__name")

    assert set(joined) == {("ada@example.com", "News"), ("tips@example.com", "Tips")}


def test_an_etag_guards_a_change(caller: Caller) -> None:
    create(caller)
    path = f"{PEOPLE}/ada@example.com"
    seen = send(caller, "PATCH", path, {"lastName": "A"}).headers["ETag"]
    kept = send(caller, "PATCH", path, {"lastName": "B"}, If_Match=seen)
    late = send(caller, "PATCH", path, {"lastName": "C"}, If_Match=seen)
    gone = send(caller, "DELETE", path, If_Match=seen)

    assert [kept.status, late.status, gone.status] == [200, 412, 412]
    assert Subscriber.objects.get().last_name == "B"


def test_tags_and_creation_start_sequences_unless_told_not_to(caller: Caller) -> None:
    make_sequence(
        caller.workspace, {"type": "exit"}, trigger="tag_added", tagName="vip", name="By tag"
    )
    create(caller)
    create(caller, email="old@example.com", externalId="2", createdAt="2020-01-01T00:00:00Z")

    assert [each.subscriber.email for each in Enrollment.objects.all()] == ["ada@example.com"]
    old = Subscriber.objects.get(email="old@example.com")
    assert old.created_at == datetime(2020, 1, 1, tzinfo=UTC)
