"""How audits walk through tables: in portions, newest first, as far as they are to."""

import pytest
from django.db.models import Q

from subscribers.models import Subscriber
from subscribers.services.audits.audits import MOST_COUNTED, Audit, portions, suspects
from tests import factories
from tests.factories.consent import NOON

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 100])
def test_the_portions_have_each_row_once_newest_first(size: int) -> None:
    people = factories.SubscriberFactory.create_batch(6)

    seen = [
        person.pk
        for portion in portions(rows=Subscriber.objects.all(), audit=Audit(now=NOON), size=size)
        for person in portion.order_by("-pk")
    ]

    assert seen == sorted((person.pk for person in people), reverse=True)


def test_no_more_rows_are_looked_at_than_asked_for() -> None:
    people = factories.SubscriberFactory.create_batch(5)
    audit = Audit(now=NOON, most_rows=4)

    seen = [
        person.pk
        for portion in portions(rows=Subscriber.objects.all(), audit=audit, size=2)
        for person in portion
    ]

    assert set(seen) == {person.pk for person in people[1:]}


def test_only_the_workspace_that_is_asked_for_is_looked_at() -> None:
    mine, _ = factories.SubscriberFactory.create_batch(2)
    audit = Audit(now=NOON, workspace=mine.workspace)

    found = suspects(rows=Subscriber.objects.all(), faulty=Q(), audit=audit)

    assert (found.count, found.example) == (1, mine.pk)


def test_many_faults_are_reported_as_at_least() -> None:
    workspace = factories.WorkspaceFactory.create()
    factories.SubscriberFactory.create_batch(MOST_COUNTED + 1, workspace=workspace)

    found = suspects(rows=Subscriber.objects.all(), faulty=Q(), audit=Audit(now=NOON))

    assert (found.count, found.is_at_least) == (MOST_COUNTED, True)


def test_nothing_faulty_is_no_finding() -> None:
    found = suspects(rows=Subscriber.objects.all(), faulty=Q(), audit=Audit(now=NOON))

    assert found.finding(what="People", remedy="None") == []
