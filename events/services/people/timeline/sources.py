"""What a time line is made of: one entry of `SOURCES` for each kind of line.

To add a kind: a source here, and its sentence in `subscribers/admin/timeline_lines.py`. A source is
read with one statement a page, by an index that begins with the person. Nothing stores who put a
tag on a person: events, steps and operators' log entries say it, each in its own line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Model, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from events.models import Enrollment, Event, Step, StepRun
from subscribers.models import (
    ConsentRecord,
    ListMembership,
    MailActivity,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
)

# Of the events that a filter looks through, so many a page.
MOST_SCANNED = 1000
BODIES = ("html", "text", "headers")


class Show(StrEnum):
    """The filters of the page."""

    ALL = "all"
    EVENTS = "events"
    SEQUENCES = "sequences"
    MAIL = "mail"
    CONSENT = "consent"
    CHANGES = "changes"


class LineKind(StrEnum):
    """What a line says."""

    ADDED = "added"
    EVENT = "event"
    CONSENT = "consent"
    TAG = "tag"
    JOINED = "joined"
    LEFT = "left"
    ENTERED = "entered"
    STEP = "step"
    MAIL = "mail"
    ACTIVITY = "activity"
    ENDED = "ended"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows of one kind; `permission` is that of the page where a row is shown in full."""

    kind: LineKind
    shows: frozenset[Show]
    permission: str
    at: Combinable
    rows: Callable[[Subscriber], QuerySet[Any]]
    # Keeps some of the newest `MOST_SCANNED` rows, where no index knows which.
    keeps: Callable[[Any], bool] | None = None


def _shows(*shows: Show) -> frozenset[Show]:
    return frozenset({Show.ALL, *shows})


def _events(person: Subscriber) -> QuerySet[Event]:
    return Event.objects.filter(subscriber=person).select_related("definition")


def _enrollments(person: Subscriber) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(subscriber=person).select_related("sequence")


def _steps(person: Subscriber) -> QuerySet[StepRun]:
    rows = StepRun.objects.filter(enrollment__subscriber=person)
    return rows.select_related("step", "enrollment__sequence")


def _steps_with_mails(person: Subscriber) -> QuerySet[StepRun]:
    return _steps(person).select_related("email").defer(*(f"email__{each}" for each in BODIES))


def _steps_without_mails(person: Subscriber) -> QuerySet[StepRun]:
    # Not `filter(email=None)`: SQLite takes those of all people first, by the index of mails.
    return _steps(person).exclude(email__isnull=False)


def _changing_steps(person: Subscriber) -> QuerySet[StepRun]:
    kinds = (Step.Kind.UPDATE_TAGS, Step.Kind.UPDATE_LIST, Step.Kind.UPDATE_SUBSCRIBER)
    return _steps(person).filter(step__kind__in=kinds)


def _mails(person: Subscriber) -> QuerySet[OutgoingEmail]:
    mails = OutgoingEmail.objects.filter(subscriber=person).select_related("workspace")
    return mails.defer(*BODIES)


def _activity(person: Subscriber) -> QuerySet[MailActivity]:
    rows = MailActivity.objects.filter(subscriber=person).select_related("email")
    return rows.defer(*(f"email__{each}" for each in BODIES))


def _consent(person: Subscriber) -> QuerySet[ConsentRecord]:
    return ConsentRecord.objects.filter(subscriber=person)


def _consent_that_changes(person: Subscriber) -> QuerySet[ConsentRecord]:
    kinds = ConsentRecord.Kind
    return _consent(person).exclude(kind__in=(kinds.ASKED, kinds.REMINDED))


def _tags(person: Subscriber) -> QuerySet[SubscriberTag]:
    return SubscriberTag.objects.filter(subscriber=person).select_related("tag")


def _memberships(person: Subscriber) -> QuerySet[ListMembership]:
    return ListMembership.objects.filter(subscriber=person).select_related("list")


def _log(person: Subscriber) -> QuerySet[LogEntry]:
    kind = ContentType.objects.get_for_model(Subscriber)
    rows = LogEntry.objects.filter(content_type=kind, object_id=str(person.pk))
    return rows.select_related("user")


def _self(person: Subscriber) -> QuerySet[Subscriber]:
    return Subscriber.objects.filter(pk=person.pk).only("pk")


def _changes_tags(event: Event) -> bool:
    return not event.effects.keys().isdisjoint({"tagsAdded", "tagsRemoved"})


_STEP_AT = Coalesce("ended_at", "started_at")
SEE_EVENTS = "events.view_event"
SEE_ENROLLMENTS = "events.view_enrollment"
SEE_MAILS = "subscribers.view_outgoingemail"
SEE_CONSENT = "subscribers.view_consentrecord"
SEE_PEOPLE = "subscribers.view_subscriber"
# Of lines with the same moment, the later kind is the newer one: a consequence after its cause.
SOURCES: tuple[Source, ...] = (
    Source(
        kind=LineKind.ADDED, shows=_shows(Show.CHANGES), permission=SEE_PEOPLE,
        at=F("created_at"), rows=_self,
    ),
    Source(
        kind=LineKind.EVENT, shows=_shows(Show.EVENTS), permission=SEE_EVENTS,
        at=F("occurred_at"), rows=_events,
    ),
    Source(
        kind=LineKind.EVENT, shows=frozenset({Show.CHANGES}), permission=SEE_EVENTS,
        at=F("occurred_at"), rows=_events, keeps=_changes_tags,
    ),
    Source(
        kind=LineKind.CONSENT, shows=_shows(Show.CONSENT), permission=SEE_CONSENT,
        at=F("at"), rows=_consent,
    ),
    Source(
        kind=LineKind.CONSENT, shows=frozenset({Show.CHANGES}), permission=SEE_CONSENT,
        at=F("at"), rows=_consent_that_changes,
    ),
    Source(
        kind=LineKind.TAG, shows=_shows(Show.CHANGES), permission=SEE_PEOPLE,
        at=F("created_at"), rows=_tags,
    ),
    Source(
        kind=LineKind.JOINED, shows=_shows(Show.CHANGES), permission=SEE_PEOPLE,
        at=F("subscribed_at"), rows=_memberships,
    ),
    Source(
        kind=LineKind.LEFT, shows=_shows(Show.CHANGES), permission=SEE_PEOPLE,
        at=F("unsubscribed_at"), rows=_memberships,
    ),
    Source(
        kind=LineKind.ENTERED, shows=_shows(Show.SEQUENCES), permission=SEE_ENROLLMENTS,
        at=F("entered_at"), rows=_enrollments,
    ),
    Source(
        kind=LineKind.STEP, shows=frozenset({Show.CHANGES}), permission=SEE_ENROLLMENTS,
        at=_STEP_AT, rows=_changing_steps,
    ),
    Source(
        kind=LineKind.STEP, shows=frozenset({Show.SEQUENCES}), permission=SEE_ENROLLMENTS,
        at=_STEP_AT, rows=_steps_with_mails,
    ),
    # Beside the mails' own lines, their steps would say the same twice.
    Source(
        kind=LineKind.STEP, shows=frozenset({Show.ALL}), permission=SEE_ENROLLMENTS,
        at=_STEP_AT, rows=_steps_without_mails,
    ),
    Source(
        kind=LineKind.MAIL, shows=_shows(Show.MAIL), permission=SEE_MAILS,
        at=Coalesce("sent_at", "created_at"), rows=_mails,
    ),
    Source(
        kind=LineKind.ACTIVITY, shows=_shows(Show.MAIL), permission=SEE_MAILS,
        at=F("at"), rows=_activity,
    ),
    Source(
        kind=LineKind.ENDED, shows=_shows(Show.SEQUENCES), permission=SEE_ENROLLMENTS,
        at=F("ended_at"), rows=_enrollments,
    ),
    Source(
        kind=LineKind.LOG, shows=_shows(Show.CHANGES), permission=SEE_PEOPLE,
        at=F("action_time"), rows=_log,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """A line of the time line: `at` this moment, what the row says."""

    at: datetime
    rank: int
    kind: LineKind
    row: Any

    @property
    def position(self) -> tuple[datetime, int, Any]:
        """Return what the lines are sorted by; ids are compared within one kind only."""
        return self.at, self.rank, self.row.pk


def model_of(source: Source, person: Subscriber) -> type[Model]:
    return source.rows(person).model
