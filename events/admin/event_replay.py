"""Replaying an event: a page that says what it would do now, and the button for it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from config.admin_base import RowAction, link_to
from config.readable import moment, sentence
from events.admin.effect_sentences import WOULD, sentences
from events.models import Enrollment, Event, Sequence
from events.services.database_faults import OutcomeUnknown, Unavailable
from events.services.ingestion import replaying
from events.services.ingestion.ingest import IngestResult, NothingRecorded
from events.services.ingestion.outcomes import Recorded
from events.wording.reasons import reason_in_words
from subscribers.ids import decode, new_id

REPLAY = RowAction(
    name="replaying",
    label="Replay…",
    explanation="Records it again as a new event. A page first shows what it would do.",
    is_link=True,
)
FAULTS = (NothingRecorded, Unavailable, OutcomeUnknown)


def page_context(event: Event, *, now: datetime) -> dict[str, Any]:
    """Return what the asking page shows; the token makes a second click of its button harmless."""
    try:
        foreseen = replaying.foresee(event=event, now=now)
    except FAULTS as error:
        return {"event": event, "problem": str(error)}
    return {
        "event": event,
        "lines": [*_lines(event, foreseen)],
        "repeated": _entered_before(event, foreseen),
        "token": new_id().hex,
    }


def replay(request: HttpRequest, event: Event) -> Event | None:
    """Replay the event, tell the result, and return the new event if it was recorded by this."""
    token = decode("token", f"token_{request.POST.get('token', '')}")
    if token is None:
        messages.error(request, "Nothing was recorded: open the page again and press its button.")
        return None
    try:
        recorded = replaying.replay(event=event, token=token, now=timezone.now())
    except FAULTS as error:
        messages.error(request, f"It was not replayed. {error}")
        return None
    if recorded.is_duplicate:
        messages.warning(request, "This replay was recorded already; nothing was done again.")
        return None
    return Event.objects.get(pk=recorded.id)


def _lines(event: Event, foreseen: IngestResult) -> Iterator[SafeString]:
    outcome = foreseen.outcomes[0]
    assert isinstance(outcome, Recorded)  # noqa: S101 - a failed event alone raises
    tried = Event(workspace_id=event.workspace_id, effects=outcome.effects)
    yield from sentences(tried, WOULD)
    asked = foreseen.opt_in
    if asked and asked.is_email_queued:
        yield sentence("{}", "A confirmation would be sent: the person has not confirmed.")
    elif asked:
        because = f": {reason_in_words(asked.reason)}" if asked.reason else ""
        yield sentence("No confirmation would be sent{}.", because)


def _entered_before(event: Event, foreseen: IngestResult) -> list[Sequence]:
    """Return the sequences that would start for somebody who was in them before; one query."""
    outcome = foreseen.outcomes[0]
    assert isinstance(outcome, Recorded)  # noqa: S101 - as above
    started = [each["sequenceId"] for each in outcome.effects.get("sequencesStarted", ())]
    entered = Enrollment.objects.filter(subscriber=event.subscriber, sequence__in=started)
    return list(Sequence.objects.filter(pk__in=entered.values("sequence")).order_by("name", "pk"))


def origin(event: Event) -> SafeString | str:
    """Return a sentence about the event that this one replays, or nothing."""
    original_id = replaying.original_of(event)
    if original_id is None:
        return ""
    found = Event.objects.filter(pk=original_id, workspace_id=event.workspace_id).first()
    if found is None:
        return "a replay of an event that is deleted"
    return sentence("a replay of {}, which occurred {}", link_to(found), moment(found.occurred_at))
