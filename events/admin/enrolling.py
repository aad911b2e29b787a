"""An operator enrolls people in a sequence, named by address, external id or public id."""

from collections import Counter
from collections.abc import Iterable

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from config.admin_base import RowAction
from events.admin.sequence_editor.lines import names_from
from events.models import Sequence
from events.services.enrollments import by_operator
from events.services.sequences import sequences
from events.wording.reasons import reason_in_words
from subscribers import ids
from subscribers.models import Subscriber
from subscribers.wire import addresses

MOST_PEOPLE = 500
MOST_NAMED = 10
ENROLL = RowAction(
    name="enrolling", label="Enroll people…",
    explanation="Starts it for people you name, whatever its trigger.",
    is_link=True,
)  # fmt: skip


def enroll(request: HttpRequest, sequence: Sequence) -> str | None:
    """Enroll the posted people, show the result, and return words for the log."""
    named = list(dict.fromkeys(names_from(request.POST.get("people", ""), separator="\n")))
    if not 1 <= len(named) <= MOST_PEOPLE:
        text = f"Name 1 to {MOST_PEOPLE} people, one a line; {len(named)} were named."
        messages.error(request, text)
        return None
    found = _find(sequence, named)
    people = {person.pk: person for person in found.values()}
    try:
        done = by_operator.enroll(
            sequence=sequence, subscribers=list(people.values()), now=timezone.now()
        )
    except sequences.NotActive as error:
        messages.error(request, str(error))
        return None
    unknown = [name for name in named if name not in found]
    if unknown:
        messages.warning(request, f"Nobody in the workspace is {_first_of(unknown)}.")
    for reason, count in Counter(done.skipped.values()).items():
        who = [people[pk].email for pk, why in done.skipped.items() if why == reason]
        messages.warning(
            request, f"Not enrolled, since {reason_in_words(reason)}: {_first_of(who)} ({count})."
        )
    return f"Enrolled {len(done.enrolled)} manually" if done.enrolled else None


def _find(sequence: Sequence, named: Iterable[str]) -> dict[str, Subscriber]:
    """Return the people by the name that was given; one query."""
    key_by_name = {name: _key_of(name) for name in named}
    id_by_name = {name: row_id for name in key_by_name if (row_id := ids.decode("sub", name))}
    condition = Q(email_key__in=[key for key in key_by_name.values() if key])
    condition |= Q(external_id__in=key_by_name) | Q(pk__in=id_by_name.values())
    rows = Subscriber.objects.filter(condition, workspace_id=sequence.workspace_id)
    people = list(rows.defer("attributes"))
    by_key: dict[object, Subscriber] = {row.email_key: row for row in people}
    by_external: dict[object, Subscriber] = {row.external_id: row for row in people}
    by_id: dict[object, Subscriber] = {row.pk: row for row in people}
    found = {}
    for name, key in key_by_name.items():
        person = by_key.get(key) or by_external.get(name) or by_id.get(id_by_name.get(name))
        if person:
            found[name] = person
    return found


def _key_of(name: str) -> str:
    try:
        return addresses.parse(name).key
    except addresses.InvalidAddress:
        return ""


def _first_of(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
