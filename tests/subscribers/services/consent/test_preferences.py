"""The lists that a subscriber may choose by the link in an email."""

from datetime import UTC, datetime

import pytest

from subscribers.models import ListMembership
from subscribers.services.consent import preferences
from subscribers.services.consent.ledger import NOTHING_KNOWN
from tests import factories

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def test_lists_come_by_name_and_not_more_than_a_page_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    person = factories.SubscriberFactory.create()
    for name in ("b", "c", "a"):
        factories.ListFactory.create(workspace=person.workspace, name=name)
    monkeypatch.setattr(preferences, "MOST_LISTS", 2)

    shown = preferences.lists_of(person)

    assert [(each.name, each.is_member) for each in shown] == [("a", False), ("b", False)]


def test_choosing_for_who_was_deleted_does_nothing() -> None:
    person = factories.SubscriberFactory.create()
    wanted = factories.ListFactory.create(workspace=person.workspace)
    subscriber_id = person.pk
    person.delete()

    preferences.choose(
        subscriber_id=subscriber_id,
        shown={wanted.pk},
        wanted={wanted.pk},
        circumstances=NOTHING_KNOWN,
        now=NOON,
    )

    assert not ListMembership.objects.exists()
