"""Two calls about the same thing, of which one waits for the other, in either order."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest
from django.test import Client

from subscribers.models import ConsentRecord, Subscriber, Suppression
from subscribers.services.consent import suppressions, unsubscribing
from tests import factories
from tests.support.beside import beside, uncommitted, wait_until_somebody_waits_for_a_lock
from tests.support.calling import BULK, Caller, Reply
from tests.support.resources import PEOPLE, done, send

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
ADA, BOB = "ada@example.com", "bob@example.com"
FREE = "user-1"
Reason = Suppression.Reason
Call = Callable[[], object]


def one_after_the_other(first: Call, second: Call) -> None:
    """Run the second call while the first, not yet committed, has what it needs."""
    with uncommitted(first) as opened, beside(second):
        wait_until_somebody_waits_for_a_lock()
        opened.commit()


def kept(replies: list[Reply], call: Callable[[], Reply]) -> Call:
    return lambda: replies.append(call())


# --- An external id that is free --------------------------------------------------------------

WANTS_IT: dict[str, Callable[[Caller, str], Reply]] = {
    "change": lambda caller, email: send(
        caller, "PATCH", f"{PEOPLE}/{email}", {"externalId": FREE}
    ),
    "create": lambda caller, email: caller.post(
        PEOPLE, {"email": email, "externalId": FREE, "duplicateStrategy": "merge"}
    ),
    "tag": lambda caller, email: caller.post(
        f"{PEOPLE}/tags", {"email": email, "externalId": FREE, "tag": "vip"}
    ),
    "event": lambda caller, email: caller.post(
        BULK, {"email": email, "externalId": FREE, "events": [{"name": "view"}]}
    ),
}


@pytest.mark.parametrize("second", WANTS_IT)
def test_an_external_id_that_was_free_is_given_to_one_of_two_people(
    caller: Caller, second: str
) -> None:
    for email in (ADA, BOB):
        factories.SubscriberFactory.create(
            workspace=caller.workspace, email=email, external_id=None
        )
    replies: list[Reply] = []

    one_after_the_other(
        kept(replies, partial(WANTS_IT["change"], caller, ADA)),
        kept(replies, partial(WANTS_IT[second], caller, BOB)),
    )

    assert [reply.status for reply in replies] == [200, 409], replies
    assert Subscriber.objects.get(external_id=FREE).email == ADA
    bob = Subscriber.objects.get(email=BOB)
    assert bob.external_id is None
    assert not bob.tag_links.exists()
    assert not bob.events.exists()


@pytest.mark.parametrize("second", ["create", "tag", "event"])
def test_a_new_external_id_makes_one_person_of_two_unknown_addresses(
    caller: Caller, second: str
) -> None:
    replies: list[Reply] = []

    one_after_the_other(
        kept(replies, partial(WANTS_IT["event"], caller, ADA)),
        kept(replies, partial(WANTS_IT[second], caller, BOB)),
    )

    ada = Subscriber.objects.get()
    assert (ada.email, ada.external_id) == (ADA, FREE)
    shapes = [done(reply)["subscriber"] for reply in replies]
    assert [(each["id"], each["created"]) for each in shapes] == [
        (ada.public_id, True),
        (ada.public_id, False),
    ]


# --- Leaving while being erased ---------------------------------------------------------------


@pytest.fixture
def ada(caller: Caller) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=caller.workspace, email=ADA)


def test_somebody_who_left_before_the_erasure_was_over_stays_out(
    caller: Caller, ada: Subscriber
) -> None:
    replies: list[Reply] = []

    one_after_the_other(
        kept(replies, lambda: caller.post(f"{PEOPLE}/{ADA}/unsubscribe", {})),
        kept(replies, lambda: send(caller, "DELETE", f"{PEOPLE}/{ADA}")),
    )

    assert done(replies[0])["subscriber"]["status"] == "unsubscribed"
    assert done(replies[1])["isSuppressed"] is True
    assert not Subscriber.objects.exists()
    assert [row.kind for row in ConsentRecord.objects.all()] == ["erased"]
    row = Suppression.objects.get()
    assert (row.email, row.reason) == ("", Reason.ERASED)


@pytest.mark.parametrize("way", ["api", "one click"])
def test_leaving_after_the_erasure_leaves_nothing_behind(
    caller: Caller, ada: Subscriber, way: str
) -> None:
    statuses: list[int] = []
    link = f"/u/{unsubscribing.link_token(ada)}"

    def leave() -> None:
        if way == "api":
            statuses.append(caller.post(f"{PEOPLE}/{ADA}/unsubscribe", {}).status)
        else:
            form = {"List-Unsubscribe": "One-Click"}
            statuses.append(Client().post(link, form).status_code)

    one_after_the_other(lambda: done(send(caller, "DELETE", f"{PEOPLE}/{ADA}")), leave)

    assert statuses == [404 if way == "api" else 200]
    assert not Subscriber.objects.exists()
    assert [row.kind for row in ConsentRecord.objects.all()] == ["erased"]
    assert not Suppression.objects.exists()


# --- A complaint while a bounce is lifted -----------------------------------------------------


def complain(caller: Caller) -> None:
    suppressions.suppress(
        workspace=caller.workspace,
        address=ADA,
        reason=Reason.COMPLAINT,
        source=suppressions.SuppressionSource.WEBHOOK,
        now=datetime.now(tz=UTC),
    )


@pytest.fixture(params=["somebody's", "nobody's"])
def bounced(caller: Caller, request: pytest.FixtureRequest) -> None:
    """An address, somebody's or nobody's, whose bounce an application has claimed."""
    if request.param == "somebody's":
        request.getfixturevalue("ada")
    suppressions.suppress(
        workspace=caller.workspace,
        address=ADA,
        reason=Reason.HARD_BOUNCE,
        source=suppressions.SuppressionSource.API,
        now=datetime.now(tz=UTC),
    )


def assert_complained() -> None:
    assert Suppression.objects.get().reason == Reason.COMPLAINT
    assert {person.status for person in Subscriber.objects.all()} <= {"complained"}


@pytest.mark.usefixtures("bounced")
def test_a_complaint_that_waits_for_the_lift_holds(caller: Caller) -> None:
    replies: list[Reply] = []

    one_after_the_other(
        kept(replies, lambda: send(caller, "DELETE", f"/api/v1/suppressions/{ADA}")),
        lambda: complain(caller),
    )

    assert done(replies[0])["removed"] is True
    assert_complained()
    kinds = [row.kind for row in ConsentRecord.objects.order_by("id")]
    assert kinds == ["suppressed", "released", "suppressed"]


@pytest.mark.usefixtures("bounced")
def test_a_lift_that_waits_for_the_complaint_is_refused(caller: Caller) -> None:
    replies: list[Reply] = []

    one_after_the_other(
        lambda: complain(caller),
        kept(replies, lambda: send(caller, "DELETE", f"/api/v1/suppressions/{ADA}")),
    )

    assert replies[0].status == 409
    assert_complained()
