"""Why a person did or did not enter a sequence, and what holds its mail: a sentence a rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_links import link_to
from config.readable import moment, sentence
from events.decisions.enrollments import NotStarted, Reason
from events.models import Enrollment, Sequence
from events.services.simulation.explaining import Came, Compared, Explanation, MailStanding
from events.wording import mail_stops
from events.wording.reasons import reason_in_words
from events.wording.sequences import trigger_in_words
from events.wording.simulation import entry_in_words
from events.wording.steps import filters_in_words
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.outbox.flow import HANDBOOK
from subscribers.services.people.reachability import Reachability

LONGEST_VALUE = 200
MODES = {
    Sequence.Mode.UNLIMITED: "People enter again, but not while they are in it",
    Sequence.Mode.ONE_TIME: "People enter once",
    Sequence.Mode.MATCHING_FIELD: "People are in it once at a time for each value of {}",
    Sequence.Mode.RESTART: "Each start begins anew",
}
OF_MODE = frozenset({Reason.ENTERED_BEFORE, Reason.ALREADY_ENROLLED})
OF_STATUS = frozenset({Reason.SUBSCRIBER_UNSUBSCRIBED, Reason.SUBSCRIBER_BOUNCED})


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """One rule: True lets the person through, False does not, None only tells."""

    verdict: bool | None
    words: SafeString


def arrivals(found: Explanation) -> Iterator[SafeString]:
    """Yield what each event did about the sequence when it came."""
    for came in found.came:
        event = came.event
        yield sentence("{} {}", link_to(event, moment(event.occurred_at)), _said(came, found))


def entering(found: Explanation) -> Iterator[RuleVerdict]:
    """Yield each rule of entering with its verdict now, in the order in which they are decided."""
    refused = {each.reason: each for each in found.refusals}
    yield _status_line(found, refused)
    if Reason.ENROLLMENT_PAUSED in refused:
        yield _no("Its entry is closed: nobody enters.")
    else:
        yield _yes("Its entry is open.")
    yield from _trigger_lines(found)
    for compared in found.compared:
        yield _compared(compared)
    path = found.watched.field_path
    if Reason.ENTRY_KEY_MISSING in refused:
        yield _no("The event has no single value at {}, which keeps enrollments apart.", path)
    yield _person_line(found, refused)
    yield _mode_line(found, refused)


def in_one_sentence(found: Explanation) -> RuleVerdict:
    """Return the verdict in all."""
    latest = found.enrollments[0] if found.enrollments else None
    if latest is not None and latest.is_under_way:
        return _yes("The person is in it: {}.", link_to(latest, "the enrollment"))
    needs_event = found.trigger.type == "event_received"
    if needs_event and found.judged is None and not found.came_otherwise:
        return _no("The event {} never came from this person.", found.event_name)
    if found.entry.would_enter:
        return _yes("If it happened now, the person would enter.")
    return _no("If it happened now: {}.", entry_in_words(found.entry).removesuffix(". Else:"))


def mailing(standing: MailStanding) -> Iterator[RuleVerdict]:
    """Yield what holds or skips the sequence's mail to the person, as sending decides it."""
    reach = standing.reach
    for kind, reason in standing.skipped.items():
        name = OutgoingEmail.Kind(kind).label
        if reason:
            yield _no("{} mail is skipped: {}.", name, reason_in_words(reason))
        else:
            yield _yes("{} mail may go to a person of this status.", name)
    if not standing.skipped:
        yield RuleVerdict(None, _plain("The sequence sends no mail."))
        return
    if reach.suppression:
        yield _no("The address is suppressed: {}.", link_to(reach.suppression, "why"))
    else:
        yield _yes("The address is not suppressed.")
    yield from _switches(reach)
    if reach.capped_until:
        yield _no("The cap holds marketing mail until {}.", moment(reach.capped_until))
    if standing.window_opens_at:
        opens = moment(standing.window_opens_at)
        yield _no("The sending window is closed: it opens {}.", opens)


def _switches(reach: Reachability) -> Iterator[RuleVerdict]:
    """Yield what holds the mail of everybody."""
    if reach.on_hold_since:
        since = moment(reach.on_hold_since)
        yield _no("This copy was restored from a backup and sends nothing since {}.", since)
    switch = reach.switch
    if switch.is_allowed:
        yield _yes("Mail is not paused.")
    else:
        held = "Mail waits" if switch.is_hold else "Mail is skipped"
        yield _no("{}: {}.", held, reason_in_words(switch.reason))
    for stop in reach.stops:
        yield _no('{}. <a href="{}">What to do</a>', mail_stops.in_words(stop), HANDBOOK)
    if not reach.stops:
        yield _yes("The mail server takes mail.")


def _status_line(found: Explanation, refused: dict[Reason, NotStarted]) -> RuleVerdict:
    word = found.sequence.get_status_display().lower()
    if Reason.SEQUENCE_NOT_ACTIVE not in refused:
        return _yes("The sequence is active.")
    if found.sequence.status == Sequence.Status.ACTIVE:
        return _no("The sequence has no steps.")
    return _no("The status of the sequence is {}: only an active sequence starts.", word)


def _trigger_lines(found: Explanation) -> Iterator[RuleVerdict]:
    trigger = found.trigger
    starts = trigger_in_words(found.sequence)
    match trigger.type:
        case "event_received":
            if found.event_name != trigger.event_name:
                yield _no("{} does not start it: {} does.", found.event_name, trigger.event_name)
            elif found.came:
                yield _yes("The event {} came; the newest is judged here.", found.event_name)
            elif found.came_otherwise:
                yield _no("The event {} did not come on that day, but at others.", found.event_name)
            else:
                yield _no("The event {} never came from this person.", found.event_name)
        case "tag_added" | "list_joined":
            if found.entry.would_enter:
                yield _yes("It starts by {}.", starts)
            else:
                reason = reason_in_words(found.entry.reason)
                yield RuleVerdict(None, sentence("It starts by {}: {}.", starts, reason))
        case "manual":
            yield RuleVerdict(None, _plain("Only an operator enrolls people in it."))
        case _:
            assert_never(trigger.type)


def _compared(compared: Compared) -> RuleVerdict:
    words, path = filters_in_words([compared.filter]), compared.filter.path
    if not compared.found:
        said = _plain("the event has nothing there")
    else:
        values = ", ".join(map(str, compared.found))[:LONGEST_VALUE]
        said = sentence("the event has {} = {}", path, values)
    return RuleVerdict(compared.is_met, sentence("Filter “{}”: {}.", words, said))


def _person_line(found: Explanation, refused: dict[Reason, NotStarted]) -> RuleVerdict:
    if OF_STATUS & refused.keys():
        reason = next(iter(OF_STATUS & refused.keys()))
        return _no("It takes active people only: {}.", reason_in_words(reason))
    is_pending = found.someone.status == Subscriber.Status.PENDING
    if is_pending and not found.watched.runs_while_pending:
        return RuleVerdict(None, _plain("The person has not confirmed: it begins when they do."))
    return _yes("The person is {}, and such people enter.", found.someone.status)


def _mode_line(found: Explanation, refused: dict[Reason, NotStarted]) -> RuleVerdict:
    mode = MODES[Sequence.Mode(found.sequence.enrollment_mode)]
    words = sentence(mode, found.watched.field_path)
    if not OF_MODE & refused.keys():
        return _yes("{}: nothing is in the way.", words)
    holder = next((each for each in found.enrollments if each.entry_slot is not None), None)
    if holder is None:
        return _no("{}: the person is or was in it.", words)
    since = "is in it" if holder.is_under_way else "was in it"
    return _no(
        "{}: the person {} since {}.", words, since, link_to(holder, moment(holder.entered_at))
    )


def _said(came: Came, found: Explanation) -> SafeString:
    event, said = came.event, came.said
    if event.is_historical:
        return _plain("arrived as history, which starts nothing.")
    if came.is_owed:
        return _plain("came, but starting sequences failed; it is tried again.")
    if said is None:
        if found.sequence.created_at > event.received_at:
            return _plain("came before the sequence was made.")
        return _plain("came, and did not concern the sequence as it was then.")
    if "enrollment" in said:
        row = Enrollment(pk=said["enrollment"])
        return sentence("started it: {}.", link_to(row, "the enrollment"))
    path = f" ({said['path']})" if said.get("path") else ""
    return sentence("did not start it: {}{}.", reason_in_words(said["reason"]), path)


def _plain(words: str) -> SafeString:
    return format_html("{}", words)


def _yes(words: str, *parts: object) -> RuleVerdict:
    return RuleVerdict(verdict=True, words=sentence(words, *parts) if parts else _plain(words))


def _no(words: str, *parts: object) -> RuleVerdict:
    return RuleVerdict(verdict=False, words=sentence(words, *parts) if parts else _plain(words))
