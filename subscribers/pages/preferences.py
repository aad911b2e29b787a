"""The part of `/u/<token>` where people choose their lists: what its form says."""

from datetime import datetime
from uuid import UUID

from django.http import QueryDict

from subscribers.models import Subscriber
from subscribers.services.consent import preferences
from subscribers.services.consent.ledger import Circumstances


def choose(
    person: Subscriber, form: QueryDict, *, circumstances: Circumstances, now: datetime
) -> None:
    """Do what the form asks for; whatever in it is no id of a list that they may choose is left."""
    preferences.choose(
        subscriber_id=person.pk,
        shown=_ids_of(form.getlist("shown")),
        wanted=_ids_of(form.getlist("list")),
        circumstances=circumstances,
        now=now,
    )


def _ids_of(texts: list[str]) -> set[UUID]:
    found = set()
    for text in texts:
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found
