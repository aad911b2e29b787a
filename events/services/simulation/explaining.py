"""Why a person did or did not enter a sequence, and why mail of it leaves or not; reads only.

What was decided when an event came is read from its effects. What holds now is decided by the code
that decides: a rule that refuses is lifted, and the next one is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from msgspec.structs import replace

from events.decisions import triggers
from events.decisions.enrollments import EnrollmentsBySlot, NotStarted, Reason, Seen
from events.decisions.watched import Watched, WatchedSequence
from events.language import filters, timing
from events.language.entry import Trigger, trigger_from_stored
from events.language.filters import Filter
from events.language.paths import values_at
from events.language.steps import EmailStep
from events.models import Enrollment, Event, FailedStage
from events.models import Sequence as SequenceRow
from events.services.configuration import watched_sequences
from events.services.engine import loaded_versions, mails
from events.services.engine.loaded_versions import LoadedVersion
from events.services.enrollments import rows as starting
from events.services.planning import effects
from events.services.simulation import entries, people, simulating
from events.services.simulation.entries import AssumedEvent, Entry
from events.services.simulation.people import Someone
from subscribers.ids import new_id
from subscribers.models import Subscriber
from subscribers.services.people import reachability
from subscribers.services.people.reachability import Reachability
from subscribers.wire.names import plain

MOST_EVENTS = 10
MOST_ENROLLMENTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """An event that came, and what its receipt did about the sequence.

    `said` is the entry in its effects; None when the event did not concern the sequence then. Its
    starts are still owed when the stage failed and is retried.
    """

    event: Event
    said: Mapping[str, str] | None
    is_owed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A filter of the trigger, and what the event has at its path."""

    filter: Filter
    found: Sequence[Any]
    is_met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStanding:
    """What lies between a mail of the sequence and the person now; empty or None: nothing does."""

    # For each kind of the sequence's mails, the word why it is skipped.
    skipped: Mapping[str, str | None]
    reach: Reachability
    window_opens_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer; lists are the latest first, and bounded.

    `judged` is the event that the filters and the entry are judged by, as if it came now.
    """

    sequence: SequenceRow
    someone: Someone
    trigger: Trigger
    watched: WatchedSequence
    event_name: str
    came: Sequence[Came]
    # Whether such an event came at another time, where none came on the day.
    came_otherwise: bool
    judged: Event | None
    compared: Sequence[Compared]
    refusals: Sequence[NotStarted]
    entry: Entry
    enrollments: Sequence[Enrollment]
    mail: MailStanding


def explain(
    *,
    sequence: SequenceRow,
    subscriber: Subscriber,
    now: datetime,
    event_name: str = "",
    between: tuple[datetime, datetime] | None = None,
) -> Explanation:
    """Return why the person is or is not in the sequence; a bounded number of queries.

    `event_name` is that of the trigger where none is given; `between` narrows its events to a day.
    """
    workspace = sequence.workspace
    trigger = trigger_from_stored(sequence.trigger, sequence.trigger_config)
    name = plain(event_name or trigger.event_name)
    someone = people.known(subscriber)
    watched = watched_sequences.read(workspace_id=workspace.pk)
    rows = Event.objects.filter(subscriber=subscriber, definition__name=name)
    rows = rows.select_related("definition").order_by("-occurred_at", "-id")
    found = rows.filter(occurred_at__range=between) if between else rows
    came = [_came(event, sequence.pk) for event in found[:MOST_EVENTS]] if name else []
    judged = came[0].event if came else None
    entry = entries.judge(
        sequence=sequence,
        someone=someone,
        watched=watched,
        happening=AssumedEvent(name=name, properties=judged.properties) if judged else None,
    )
    properties = judged.properties if judged else {}
    enrolled = Enrollment.objects.filter(sequence=sequence, subscriber=subscriber)
    watched_one = watched.sequences[sequence.pk]
    return Explanation(
        sequence=sequence,
        someone=someone,
        trigger=trigger,
        watched=watched_one,
        event_name=name,
        came=came,
        came_otherwise=bool(between and not came and name and rows.exists()),
        judged=judged,
        compared=_compared(watched_one.filters, properties) if judged else (),
        refusals=refusals(
            sequence=watched_one,
            properties=properties,
            enrollments=starting.enrollments_of(
                subscriber_id=subscriber.pk, sequence_ids=[sequence.pk]
            ),
            status=subscriber.status,
        ),
        entry=entry,
        enrollments=list(
            enrolled.select_related(
                "sequence", "workspace", "subscriber", "step", "version"
            ).order_by("-id")[:MOST_ENROLLMENTS]
        ),
        mail=_mail_standing(sequence, someone, entry, now),
    )


def refusals(
    *,
    sequence: WatchedSequence,
    properties: Mapping[str, Any],
    enrollments: EnrollmentsBySlot,
    status: str,
) -> list[NotStarted]:
    """Return every rule that keeps the person out, in the order in which they are decided."""
    found: list[NotStarted] = []
    event = Seen(id=new_id(), name="", properties=properties)
    while True:
        starts = triggers.starts_of_event(
            watched=Watched(starts={("event_received", ""): [sequence]}),
            event=event,
            tags_added=(),
            enrollments=enrollments,
            status=status,
        )
        if not starts.not_started:
            return found
        refused = starts.not_started[0]
        found.append(refused)
        if refused.reason in {Reason.ENTERED_BEFORE, Reason.ALREADY_ENROLLED}:
            enrollments = {}
        else:
            sequence = _without(sequence, refused.reason, properties)


def _without(
    sequence: WatchedSequence, reason: Reason, properties: Mapping[str, Any]
) -> WatchedSequence:
    """Return the sequence without the rule that refused."""
    match reason:
        case Reason.SEQUENCE_NOT_ACTIVE:
            return replace(sequence, is_active=True)
        case Reason.ENROLLMENT_PAUSED:
            return replace(sequence, is_enrollment_paused=False)
        case Reason.FILTER_NOT_MET:
            failed = filters.unmet(sequence.filters, properties)
            return replace(
                sequence, filters=tuple(each for each in sequence.filters if each != failed)
            )
        case Reason.ENTRY_KEY_MISSING:
            return replace(sequence, is_keyed=False)
        case Reason.SUBSCRIBER_UNSUBSCRIBED | Reason.SUBSCRIBER_BOUNCED:
            return replace(sequence, active_only=False)
        case Reason.HISTORICAL | Reason.DUPLICATE | Reason.ENTERED_BEFORE | Reason.ALREADY_ENROLLED:
            raise ValueError(f"{reason} is no rule of a sequence alone.")
        case _:
            assert_never(reason)


def _came(event: Event, sequence_id: UUID) -> Came:
    said = effects.start_in(event.effects, sequence_id=sequence_id)
    is_owed = FailedStage.Stage.TRIGGER_SEQUENCES in effects.failed_stages_in(event.effects)
    return Came(event=event, said=said, is_owed=is_owed)


def _compared(wanted: Sequence[Filter], properties: Mapping[str, Any]) -> list[Compared]:
    return [
        Compared(
            filter=each,
            found=values_at(each.path, properties),
            is_met=filters.are_met([each], properties),
        )
        for each in wanted
    ]


def _mail_standing(
    sequence: SequenceRow, someone: Someone, entry: Entry, now: datetime
) -> MailStanding:
    version = _version_of(sequence)
    sent = (
        [each.step for each in version.steps if isinstance(each.step, EmailStep)] if version else []
    )
    kinds = sorted({mails.kind_of(step) for step in sent})
    enrollment = simulating.imagined(sequence, version, someone, entry, now) if version else None
    skipped: dict[str, str | None] = {
        kind: mails.reason_to_skip(enrollment=enrollment, kind=kind) for kind in kinds if enrollment
    }
    window = version.sending_window if version else None
    opens_at = None
    if window and enrollment and any(step.waits_for_window for step in sent):
        opens_at = timing.next_open(window, at=now, zone=enrollment.zone(window.timezone))
    return MailStanding(
        skipped=skipped,
        reach=reachability.of_person(subscriber=someone.subscriber, now=now),
        window_opens_at=opens_at if opens_at and opens_at > now else None,
    )


def _version_of(sequence: SequenceRow) -> LoadedVersion | None:
    return (
        loaded_versions.load(sequence.current_version_id) if sequence.current_version_id else None
    )
