"""Pending people: listed with age and mails, and narrowed by age."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from config.admin_base import list_url
from subscribers.models import Confirmation, Subscriber
from tests import factories

Status = Subscriber.Status


def test_pending_people_are_listed_with_age_and_mails(admin_client: Client, db: None) -> None:
    never = pending_since(days=2)
    asked = pending_since(days=40)
    factories.SubscriberFactory.create()
    factories.ConfirmationFactory.create(
        subscriber=asked, mails=2, reminded_at=timezone.now(), asked_at=timezone.now()
    )
    factories.ConfirmationFactory.create(subscriber=asked, mails=1, closed_at=timezone.now())

    answer = admin_client.get(list_url(Subscriber, pending_for=0))

    page = answer.content.decode()
    assert set(answer.context["cl"].result_list) == {never, asked}
    assert "none sent" in page
    assert "2, last " in page
    assert "1, last " not in page
    assert "2\xa0days" in page
    assert "1\xa0month" in page


@pytest.mark.parametrize(
    ("pending_for", "ages"), [("0", {0, 2, 8}), ("1", {2, 8}), ("7", {8}), ("30", set())]
)
def test_pending_people_are_narrowed_by_age(
    admin_client: Client, db: None, pending_for: str, ages: set[int]
) -> None:
    age_by_id = {pending_since(days=age).pk: age for age in (0, 2, 8)}

    answer = admin_client.get(list_url(Subscriber, pending_for=pending_for))

    assert {age_by_id[row.pk] for row in answer.context["cl"].result_list} == ages


def test_a_list_of_pending_people_costs_the_same_with_many(
    admin_client: Client, db: None, django_assert_max_num_queries: object
) -> None:
    for _ in range(6):
        factories.ConfirmationFactory.create()

    with django_assert_max_num_queries(11):  # type: ignore[operator]
        answer = admin_client.get(list_url(Subscriber, pending_for=0))

    assert len(answer.context["cl"].result_list) == 6
    assert Confirmation.objects.count() == 6


def pending_since(*, days: int) -> Subscriber:
    """Make somebody pending whose row was made days ago, as its id tells."""
    made_at = timezone.now() - timedelta(days=days)
    tail = factories.SubscriberFactory.build().pk.int & (1 << 80) - 1
    row_id = UUID(int=int(made_at.timestamp() * 1000) << 80 | tail)
    person: Subscriber = factories.SubscriberFactory.create(pk=row_id, pending=True)
    return person
