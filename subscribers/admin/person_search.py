"""Finding what hangs on one person, for lists whose rows bear a subscriber."""

from contextlib import suppress

from django.db.models import Q

from subscribers import addresses, ids
from subscribers.models import Subscriber

# One address may be known in as many workspaces.
MOST_PEOPLE = 100


def row_or_person(prefix: str, text: str) -> Q:
    """Return the condition for a row's id on the wire, else for the rows of one person.

    A person is named by the whole address in any of its forms, or by the external id.
    """
    row_id = ids.decode(prefix, text)
    if row_id is not None:
        return Q(pk=row_id)
    person = Q(external_id=text)
    with suppress(addresses.InvalidAddress):
        person |= Q(email_key=addresses.parse(text).key)
    found = Subscriber.objects.filter(person).values_list("pk", flat=True)[:MOST_PEOPLE]
    return Q(subscriber__in=list(found))
