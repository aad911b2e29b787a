"""Unsubscribing: who leaves, what reactions are called with, and that it happens once."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from subscribers import reactions
from subscribers.models import Confirmation, ConsentRecord, ListMembership, Subscriber
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from tests import factories

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Told:
    """Hears who left; `error` fails the caller's transaction."""

    def __init__(self) -> None:
        self.left_ids: list[list[UUID]] = []
        self.joined: list[tuple[list[UUID], list[UUID]]] = []
        self.is_in_transaction: bool | None = None
        self.error: Exception | None = None

    def left(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        assert now == NOON
        self.left_ids.append(list(subscriber_ids))
        self.is_in_transaction = connection.in_atomic_block
        if self.error:
            raise self.error

    def list_joined(
        self, *, subscriber_ids: Sequence[UUID], list_ids: Sequence[UUID], now: datetime
    ) -> None:
        assert now == NOON
        self.joined.append((list(subscriber_ids), list(list_ids)))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(reactions, "_installed", [told])
    return told


def leave(*people: Subscriber, now: datetime = NOON) -> list[UUID]:
    return unsubscribing.leave(
        subscriber_ids=[person.pk for person in people], now=now, method=UnsubscribeMethod.PAGE
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("active", "unsubscribed"),
        ("pending", "unsubscribed"),
        ("unsubscribed", "unsubscribed"),
        ("bounced", "bounced"),
        ("complained", "complained"),
    ],
)
def test_everybody_leaves_once_and_who_bounced_or_complained_keeps_that_status(
    told: Told, before: str, after: str
) -> None:
    person = factories.SubscriberFactory.create(status=before)

    left = leave(person)

    stored = Subscriber.objects.get()
    is_new = before != "unsubscribed"
    assert stored.status == after
    assert unsubscribing.has_left(stored)
    assert (stored.unsubscribed_at == NOON) is is_new
    assert left == ([person.pk] if is_new else [])
    assert told.left_ids == ([[person.pk]] if is_new else [])


@pytest.mark.django_db
def test_reactions_hear_of_leaving_in_one_call_by_id_in_the_transaction(told: Told) -> None:
    people = [factories.SubscriberFactory.create() for _ in range(3)]
    people[1].status = Subscriber.Status.UNSUBSCRIBED
    people[1].save(update_fields=["status"])

    leave(*reversed(people))

    assert told.left_ids == [[people[0].pk, people[2].pk]]
    assert told.is_in_transaction


@pytest.mark.django_db(transaction=True)
def test_a_failing_reaction_undoes_the_change(told: Told) -> None:
    person = factories.SubscriberFactory.create()
    told.error = RuntimeError("no")

    with pytest.raises(RuntimeError):
        leave(person)

    assert Subscriber.objects.get().status == "active"


@pytest.mark.django_db
def test_leaving_again_keeps_the_first_time(told: Told) -> None:
    person = factories.SubscriberFactory.create()
    leave(person)

    leave(person, now=NOON + timedelta(days=1))

    assert Subscriber.objects.get().unsubscribed_at == NOON
    assert len(told.left_ids) == 1


@pytest.mark.django_db
def test_reactions_hear_nothing_when_nobody_left(told: Told) -> None:
    assert leave() == []

    assert told.left_ids == []


@pytest.mark.django_db
def test_a_link_is_its_owner_s_alone(told: Told) -> None:
    mine, other = (factories.SubscriberFactory.create() for _ in range(2))

    for token in ("", "x", mine.unsubscribe_token, mine.pk.hex + other.unsubscribe_token):
        unsubscribing.leave_by_link(token=token, now=NOON, method=UnsubscribeMethod.ONE_CLICK)
    before = told.left_ids.copy()
    unsubscribing.leave_by_link(
        token=unsubscribing.link_token(mine), now=NOON, method=UnsubscribeMethod.ONE_CLICK
    )

    assert before == []
    assert told.left_ids == [[mine.pk]]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_are_reported_once(told: Told) -> None:
    people = [factories.SubscriberFactory.create() for _ in range(4)]
    orders = [people, people[::-1]] * 8

    def click(order: list[Subscriber]) -> None:
        leave(*order)
        connection.close()

    threads = [threading.Thread(target=click, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told.left_ids == [sorted(person.pk for person in people)]
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"unsubscribed"}


@pytest.mark.django_db
def test_the_ledger_says_how_and_why_somebody_left_and_the_question_is_closed(told: Told) -> None:
    pending = factories.ConfirmationFactory.create().subscriber
    stranger = factories.SubscriberFactory.create(status="unsubscribed")

    unsubscribing.leave(
        subscriber_ids=[pending.pk, stranger.pk],
        now=NOON,
        method=UnsubscribeMethod.PAGE,
        circumstances=Circumstances(ip="192.0.2.1", user_agent="Browser"),
        reason="too much",
    )

    line = ConsentRecord.objects.get()
    assert (line.kind, line.method, line.reason) == ("left", "page", "too much")
    assert (line.subscriber, line.ip, line.user_agent) == (pending, "192.0.2.1", "Browser")
    assert line.at == NOON
    assert Confirmation.objects.get().closed_at == NOON


@pytest.mark.django_db
def test_leaving_again_after_asking_to_return_is_recorded_but_not_reported_twice(
    told: Told,
) -> None:
    person = factories.SubscriberFactory.create()
    leave(person)
    factories.ConfirmationFactory.create(subscriber=person)

    left = leave(person, now=NOON + timedelta(days=1))

    assert left == []
    assert len(told.left_ids) == 1
    assert Confirmation.objects.get().closed_at == NOON + timedelta(days=1)
    assert [each.kind for each in ConsentRecord.objects.all()] == ["left", "left"]
    assert Subscriber.objects.get().unsubscribed_at == NOON


@pytest.mark.django_db
def test_the_link_finds_its_owner_after_a_rotation_of_the_secret_key(
    told: Told, settings: Settings
) -> None:
    person = factories.SubscriberFactory.create()
    token = unsubscribing.link_token(person)
    settings.SECRET_KEY = "another-" * 10

    owner = unsubscribing.owner_of(token)

    assert owner == person


@pytest.mark.django_db
def test_leaving_a_list_keeps_the_others_and_is_recorded(told: Told) -> None:
    kept = factories.ListMembershipFactory.create()
    person = kept.subscriber
    gone = factories.ListFactory.create(workspace=person.workspace, name="News")
    factories.ListMembershipFactory.create(subscriber=person, list=gone)
    never_on = factories.ListFactory.create(workspace=person.workspace)
    chosen = [gone.pk, never_on.pk]

    outcomes = [
        unsubscribing.leave_lists(
            subscriber=person, list_ids=chosen, circumstances=NOTHING_KNOWN, now=NOON
        )
        for _ in range(2)
    ]

    joined = ListMembership.objects.filter(unsubscribed_at=None)
    line = ConsentRecord.objects.get()
    assert outcomes == [[gone.pk], []]
    assert [each.list for each in joined] == [kept.list]
    assert (line.kind, line.list_name, line.method) == ("left_list", "News", "page")
    assert Subscriber.objects.get().status == "active"


@pytest.mark.django_db
def test_joining_a_list_is_reported_and_recorded_once(told: Told) -> None:
    person = factories.SubscriberFactory.create()
    news = factories.ListFactory.create(workspace=person.workspace, name="News")

    outcomes = [
        unsubscribing.join_lists(
            subscriber=person, list_ids=[news.pk], circumstances=NOTHING_KNOWN, now=NOON
        )
        for _ in range(2)
    ]

    line = ConsentRecord.objects.get()
    assert outcomes == [[news.pk], []]
    assert told.joined == [([person.pk], [news.pk])]
    assert (line.kind, line.list_name) == ("joined_list", "News")


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["pending", "unsubscribed", "bounced", "complained"])
def test_nobody_joins_a_list_who_does_not_get_mail(told: Told, status: str) -> None:
    person = factories.SubscriberFactory.create(status=status)
    news = factories.ListFactory.create(workspace=person.workspace)

    joined = unsubscribing.join_lists(
        subscriber=person, list_ids=[news.pk], circumstances=NOTHING_KNOWN, now=NOON
    )

    assert joined == told.joined == []
    assert not ListMembership.objects.exists()
    assert not ConsentRecord.objects.exists()
