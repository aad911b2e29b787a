"""Searches by person, for lists whose rows belong to a subscriber or an address."""

from contextlib import suppress

from django.db.models import Q

from subscribers import ids
from subscribers.models import Subscriber, Workspace
from subscribers.wire import addresses
from subscribers.wire.address_hashes import address_hash

# One address may be known in as many workspaces.
MOST_PEOPLE = 100
MOST_WORKSPACES = 100


def row_or_person(prefix: str, text: str) -> Q:
    row_id = ids.decode(prefix, text)
    return of_person(text) if row_id is None else Q(pk=row_id)


def of_person(text: str) -> Q:
    """Return the condition for one person's rows, by whole address (any form) or external id."""
    person = Q(external_id=text)
    with suppress(addresses.InvalidAddress):
        person |= Q(email_key=addresses.parse(text).key)
    found = Subscriber.objects.filter(person).values_list("pk", flat=True)[:MOST_PEOPLE]
    return Q(subscriber__in=list(found))


def address_remains(text: str) -> Q:
    """Return the condition for rows with a whole address's hash, one per workspace."""
    condition = Q(pk__in=[])
    with suppress(addresses.InvalidAddress):
        email_key = addresses.parse(text).key
        keys = Workspace.objects.order_by("pk").values_list("pk", "address_hash_key")
        for workspace_id, key in keys[:MOST_WORKSPACES]:
            condition |= Q(workspace=workspace_id, address_hash=address_hash(key, email_key))
    return condition
