"""Imports at the same time as other imports and requests, with real threads on PostgreSQL."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from subscribers.models import Subscriber, SubscriberTag, Tag
from subscribers.services.imports.people import Duplicates
from tests import factories
from tests.conftest import new_caller
from tests.support.importing_people import Imported, import_rows

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
PEOPLE = 120


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do all of it, each in a thread with a connection of its own; return what each returns."""
    results: list[Any] = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def run(place: int) -> None:
        try:
            barrier.wait(timeout=30)
            results[place] = works[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return results


def rows(order: int) -> list[dict[str, Any]]:
    people = [
        {"email": f"p{n}@example.com", "externalId": f"u{n}", "tags": [f"t{n % 7}", f"t{n % 5}"]}
        for n in range(PEOPLE)
    ]
    return people[::order]


@pytest.mark.parametrize("duplicates", list(Duplicates))
def test_the_same_people_by_two_imports_in_other_orders_are_there_once(
    duplicates: Duplicates,
) -> None:
    workspace = factories.WorkspaceFactory.create()

    def work(order: int) -> Callable[[], Imported]:
        return lambda: import_rows(workspace, *rows(order), batch_rows=20, duplicates=duplicates)

    results = at_once(work(1), work(-1), work(1))

    created = sum(each.counted.subscribers_created for each in results)
    assert Subscriber.objects.count() == created == PEOPLE
    assert [each.faults for each in results] == [[], [], []]
    assert Tag.objects.count() == 7
    links = SubscriberTag.objects.values_list("subscriber", "tag")
    assert len(set(links)) == len(links)


def test_requests_about_the_same_people_are_answered_while_they_come_in() -> None:
    workspace = factories.WorkspaceFactory.create(double_opt_in=True)
    caller = new_caller(workspace)

    def send() -> list[int]:
        return [
            caller.bulk({"name": f"event {n % 9}"}, email=f"p{n}@example.com").status
            for n in reversed(range(PEOPLE))
        ]

    imported, statuses = at_once(
        lambda: import_rows(workspace, *rows(1), batch_rows=20, duplicates=Duplicates.MERGE), send
    )

    assert set(statuses) == {200}
    assert imported.faults == []
    assert Subscriber.objects.count() == PEOPLE
    assert not Subscriber.objects.filter(external_id=None).exists()
