"""`GET /subscribers`: pages, filters and totals."""

import pytest
from django.utils import timezone

from events.models import CurrentCount
from events.services.counts import current
from events.services.segments import members
from tests import factories
from tests.subscribers.api.test_subscribers import create
from tests.support.calling import Caller, Reply
from tests.support.resources import PEOPLE, path_of_fault, send

pytestmark = pytest.mark.django_db


def emails_of(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.json
    return [each["email"] for each in reply.json["subscribers"]]


def test_pages_follow_the_cursor_and_writes_between_them_lose_nobody(caller: Caller) -> None:
    for number in range(5):
        create(caller, email=f"p{number}@example.com", externalId=str(number))
    first = caller.get(f"{PEOPLE}?limit=2")
    create(caller, email="late@example.com", externalId="late")
    send(caller, "DELETE", f"{PEOPLE}/p3@example.com")
    cursor = first.json["pagination"]["nextCursor"]
    second = caller.get(f"{PEOPLE}?limit=2&cursor={cursor}")
    third = caller.get(f"{PEOPLE}?limit=2&cursor={second.json['pagination']['nextCursor']}")

    assert emails_of(first) == ["p4@example.com", "p3@example.com"]
    assert emails_of(second) == ["p2@example.com", "p1@example.com"]
    assert emails_of(third) == ["p0@example.com"]
    assert first.json["pagination"].items() >= {"total": 5, "totalPages": 3, "page": 1}.items()
    assert second.json["pagination"].items() >= {"total": None, "hasMore": True}.items()
    assert third.json["pagination"]["hasMore"] is False


def test_a_page_and_a_cursor_are_not_taken_together(caller: Caller) -> None:
    create(caller)
    create(caller, email="bob@example.com", externalId="2")
    cursor = caller.get(f"{PEOPLE}?limit=1").json["pagination"]["nextCursor"]

    assert path_of_fault(caller.get(f"{PEOPLE}?page=2&cursor={cursor}")) == "page"


def test_who_has_not_confirmed_has_not_unsubscribed(caller: Caller) -> None:
    create(caller, optInMode="double_opt_in")

    assert emails_of(caller.get(f"{PEOPLE}?status=unsubscribed")) == []
    assert emails_of(caller.get(f"{PEOPLE}?status=pending")) == ["ada@example.com"]


@pytest.mark.parametrize(("counted", "total"), [(12_000, 12_000), (10_000, 2)])
def test_a_large_total_is_the_worker_s_number_and_a_small_one_is_counted(
    caller: Caller, counted: int, total: int
) -> None:
    for email in ("a@example.com", "b@example.com"):
        factories.SubscriberFactory.create(workspace=caller.workspace, email=email)
    for part in ("", "active"):
        CurrentCount.objects.create(
            workspace=caller.workspace,
            subject=CurrentCount.Subject.PEOPLE,
            subject_id=caller.workspace.pk,
            part=part,
            count=counted,
            counted_at=timezone.now(),
        )

    def total_of(query: str) -> object:
        return caller.get(f"{PEOPLE}?limit=1{query}").json["pagination"]["total"]

    assert total_of("") == total_of("&status=active") == total
    assert caller.get(f"{PEOPLE}?limit=5").json["pagination"]["total"] == 2
    assert total_of("&email=a@") == 1
    assert total_of("&tags=unknown") == 0


def test_filters_narrow(caller: Caller) -> None:
    news = factories.ListFactory.create(workspace=caller.workspace, name="News")
    create(caller, customAttributes={"seats": 5}, lists=[f"lst_{news.pk.hex}"])
    create(caller, email="bob@example.com", externalId="2", tags=["vip", "lead"], lastName="Byron")
    send(caller, "PATCH", f"{PEOPLE}/bob@example.com", {"status": "unsubscribed"})

    def found(query: str) -> list[str]:
        return emails_of(caller.get(f"{PEOPLE}?{query}"))

    assert found("status=active") == ["ada@example.com"]
    assert found("tags=vip,lead") == ["bob@example.com"]
    assert found("list=News") == found(f"listId=lst_{news.pk.hex}") == ["ada@example.com"]
    assert found("email=bob") == found("query=byron") == found("query=Lead") == ["bob@example.com"]
    assert found("attribute=seats:4&attributeOperator=gte") == ["ada@example.com"]
    assert found("unsubscribedAfter=2020-01-01") == ["bob@example.com"]
    assert found("unsubscribedBefore=2020-01-01T00:00:00Z") == []


def test_beyond_what_is_counted_a_total_is_the_worker_s_or_null(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = factories.ListFactory.create(workspace=caller.workspace, name="News")
    create(caller, lists=["News"])
    create(caller, email="bob@example.com", externalId="2", lists=["News"])
    queries = (
        "", "status=active", "status=all&page=1", "tags=VIP", "list=News",
        f"listId=lst_{news.pk.hex}&status=active",
    )  # fmt: skip
    not_counted = ("tags=vip&status=active", "tags=vip,vip", "list=News&tags=vip", "email=example")
    monkeypatch.setattr(members, "MOST_COUNTED", 1)

    def totals(*wanted: str) -> list[object]:
        replies = [caller.get(f"{PEOPLE}?{query}") for query in wanted]
        return [reply.json["pagination"]["total"] for reply in replies]

    before = totals(*queries)
    current.count_due(now=timezone.now())

    assert before == [None] * len(queries)
    assert totals(*queries) == [2] * len(queries)
    assert totals(*not_counted, "includeTotal=false") == [None] * 5
    assert totals("status=bounced", "email=bob") == [0, 1]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("page=2&cursor=x", "cursor"),
        ("page=300&limit=1000", "page"),
        ("status=gone", "status"),
        ("list=Nothing", "list"),
        ("segmentId=seg_1", "segmentId"),
        ("attribute=seats", "attribute"),
        ("unsubscribedAfter=yesterday", "unsubscribedAfter"),
        ("tag=vip", "tag"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_faulty_query_names_its_parameter(caller: Caller, query: str, path: str) -> None:
    refused = caller.get(f"{PEOPLE}?{query}")

    assert refused.status == 400
    assert refused.json["error"]["details"][0]["path"] == path
