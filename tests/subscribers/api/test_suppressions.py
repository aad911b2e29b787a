"""`/suppressions`: addresses that get no mail."""

import pytest
from django.utils import timezone

from subscribers.api import totals
from subscribers.models import Subscriber, Suppression
from subscribers.services.consent import suppressions
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, done, path_of_fault, send

pytestmark = pytest.mark.django_db
SUPPRESSIONS = "/api/v1/suppressions"
Reason = Suppression.Reason


def suppress(caller: Caller, email: str, reason: str, source: str = "smtp") -> None:
    suppressions.suppress(
        workspace=caller.workspace,
        address=email,
        reason=Reason(reason),
        source=source,
        now=timezone.now(),
    )


def test_a_free_address_is_answered_too(caller: Caller) -> None:
    body = done(caller.get(f"{SUPPRESSIONS}/free@example.com"))["suppression"]

    assert body["suppressed"] is body["knownRecipient"] is body["local"]["suppressed"] is False
    assert body["ses"] == {"entries": [], "regionsChecked": []}


def test_the_list_is_searched_and_sorted(caller: Caller) -> None:
    for email in ("ada@example.com", "bob@example.com"):
        suppress(caller, email, Reason.MANUAL, "admin")

    newest = done(caller.get(SUPPRESSIONS))
    found = done(caller.get(f"{SUPPRESSIONS}?search=ada&sort=email&order=asc&limit=1"))

    emails = [each["email"] for each in newest["suppressions"]]
    assert emails == ["bob@example.com", "ada@example.com"]
    assert [each["email"] for each in found["suppressions"]] == ["ada@example.com"]
    assert (found["total"], found["hasMore"], found["sortBy"]) == (1, False, "email")


def test_what_an_application_claimed_can_be_lifted(caller: Caller) -> None:
    caller.post(PEOPLE, {"email": "ada@example.com"})
    send(caller, "PATCH", f"{PEOPLE}/ada@example.com", {"status": "bounced"})

    body = done(send(caller, "DELETE", f"{SUPPRESSIONS}/ada@example.com"))

    person = Subscriber.objects.get()
    assert person.status == "active"
    assert body["reactivatedSubscriberIds"] == [person.public_id]
    assert (body["removed"], body["removedLocalBounce"]) == (True, True)
    assert body["remainingSuppression"] == {
        "suppressed": False, "reason": None, "scope": None, "source": None,
        "suppressionId": None, "suppressionType": None, "delistable": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        (Reason.HARD_BOUNCE, "smtp"),
        (Reason.COMPLAINT, "api"),
        (Reason.MANUAL, "admin"),
        (Reason.ERASED, "erasure"),
    ],
)
def test_what_anybody_else_said_stays(caller: Caller, reason: str, source: str) -> None:
    suppress(caller, "ada@example.com", reason, source)

    reply = send(caller, "DELETE", f"{SUPPRESSIONS}/ada@example.com")

    assert (reply.status, reply.code) == (409, "CONFLICT")
    assert Suppression.objects.exists()
    told = done(caller.get(f"{SUPPRESSIONS}/ada@example.com"))["suppression"]["local"]
    assert (told["suppressed"], told["delistable"]) == (True, False)


@pytest.mark.parametrize(
    ("reason", "source"),
    [(Reason.HARD_BOUNCE, "smtp"), (Reason.MANUAL, "admin"), (Reason.ERASED, "erasure")],
)
@pytest.mark.parametrize("is_claim_first", [True, False])
def test_a_claim_makes_nobody_else_s_word_liftable(
    caller: Caller, reason: str, source: str, is_claim_first: bool
) -> None:
    said = [(Reason.HARD_BOUNCE, "api"), (reason, source)]
    for why, who in said if is_claim_first else reversed(said):
        suppress(caller, "ada@example.com", why, who)

    reply = send(caller, "DELETE", f"{SUPPRESSIONS}/ada@example.com")

    assert (reply.status, reply.code) == (409, "CONFLICT")
    assert Suppression.objects.exists()


@pytest.mark.parametrize("path", ["", "/free@example.com"])
def test_a_region_is_taken_and_said_to_change_nothing(caller: Caller, path: str) -> None:
    suppress(caller, "ada@example.com", Reason.HARD_BOUNCE, "api")

    read = done(caller.get(f"{SUPPRESSIONS}{path}?region=eu-west-1"))
    lifted = done(send(caller, "DELETE", f"{SUPPRESSIONS}/ada@example.com?region=eu-west-1"))

    warning = {"path": "region", "message": "changes nothing here."}
    assert read["warnings"] == lifted["warnings"] == [warning]


def test_beyond_what_is_counted_the_total_is_null(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for email in ("ada@example.com", "bob@example.com"):
        suppress(caller, email, Reason.MANUAL, "admin")
    exact = done(caller.get(SUPPRESSIONS))
    monkeypatch.setattr(totals, "MOST_COUNTED", 1)

    assert (exact["total"], done(caller.get(SUPPRESSIONS))["total"]) == (2, None)


def test_lifting_nothing_is_a_404(caller: Caller, stranger: Caller) -> None:
    suppress(caller, "ada@example.com", Reason.MANUAL, "admin")

    reply = send(stranger, "DELETE", f"{SUPPRESSIONS}/ada@example.com")

    assert (reply.status, reply.code) == (404, "NOT_FOUND")
    assert Suppression.objects.exists()


@pytest.mark.parametrize("query", ["limit=101", "sort=age", "order=up", "page=0"])
def test_a_faulty_query_names_its_parameter(caller: Caller, query: str) -> None:
    assert path_of_fault(caller.get(f"{SUPPRESSIONS}?{query}")) == query.partition("=")[0]
