"""Searches by person, for lists whose rows belong to a subscriber or an address."""

from collections.abc import Iterator
from contextlib import suppress

from django.db.models import Q

from config.admin_base import starting_with
from subscribers import ids
from subscribers.models import Subscriber, Workspace
from subscribers.wire import addresses
from subscribers.wire.address_hashes import address_hash

# One address may be known in as many workspaces.
MOST_PEOPLE = 100
MOST_WORKSPACES = 100
MOST_WORDS = 4


def row_or_person(prefix: str, text: str) -> Q:
    row_id = ids.decode(prefix, text)
    return of_person(text) if row_id is None else Q(pk=row_id)


def of_person(text: str) -> Q:
    """Return the condition for rows of people, by whole address (any form), external id or name."""
    person = Q(external_id=text) | named(text)
    with suppress(addresses.InvalidAddress):
        person |= Q(email_key=addresses.parse(text).key)
    found = (
        Subscriber.objects.filter(person).order_by("-pk").values_list("pk", flat=True)[:MOST_PEOPLE]
    )
    return Q(subscriber__in=list(found))


def named(text: str) -> Q:
    """Return the condition for subscribers whose names begin so: one of them, or both in any order.

    As it is typed, in small letters and with capitals: the indexes know the case of letters, and
    the databases fold it in different ways.
    """
    words = text.split()
    whole = " ".join(words)
    condition = _begins("first_name", whole) | _begins("last_name", whole)
    for place in range(1, min(len(words), MOST_WORDS)):
        one, other = " ".join(words[:place]), " ".join(words[place:])
        condition |= _begins("last_name", other, _begins("first_name", one))
        condition |= _begins("last_name", one, _begins("first_name", other))
    return condition


def _begins(field: str, text: str, besides: Q | None = None) -> Q:
    """Return the condition in the form that an index on the field serves: ranges side by side."""
    condition = Q(pk__in=[])
    for form in _forms(text):
        one = starting_with(field, form) & ~Q(**{field: ""})
        condition |= one & besides if besides else one
    return condition


def _forms(text: str) -> Iterator[str]:
    yield from dict.fromkeys((text, text.lower(), text.title()))


def address_remains(text: str) -> Q:
    """Return the condition for rows with a whole address's hash, one per workspace."""
    condition = Q(pk__in=[])
    with suppress(addresses.InvalidAddress):
        email_key = addresses.parse(text).key
        keys = Workspace.objects.order_by("pk").values_list("pk", "address_hash_key")
        for workspace_id, key in keys[:MOST_WORKSPACES]:
            condition |= Q(workspace=workspace_id, address_hash=address_hash(key, email_key))
    return condition
