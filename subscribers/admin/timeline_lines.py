"""The lines of a person's time line as sentences with links, by day.

Whatever the lines of a page name is looked up together: the statements do not grow with the lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, assert_never
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.utils.formats import date_format
from django.utils.safestring import SafeString

from config.admin_links import link_to
from config.readable import local_time, sentence, time_tag
from events.admin.enrollment_history import awaited_by, what_it_did
from events.models import Enrollment, Event, StepRun, SyncRule
from events.services.people.timeline.reading import Page
from events.services.people.timeline.sources import LineKind, TimelineEntry
from events.wording import enrollments
from events.wording.steps import row_in_words
from subscribers.admin import activity_words, consent_words, mail_words
from subscribers.admin.event_lines import effects_in_short, properties_in_short
from subscribers.models import (
    ConsentRecord,
    ListMembership,
    MailActivity,
    OutgoingEmail,
    SubscriberTag,
)
from subscribers.wire import link_tokens

NOT_RECORDED = "what added it is not recorded"
MailStatus = OutgoingEmail.Status
# The colour, the sentence and its notes.
Said = tuple[str, SafeString, Iterable[SafeString]]
# What went wrong stands out.
BAD_MAILS = (MailStatus.FAILED, MailStatus.UNKNOWN)
BAD_ACTIVITY = (MailActivity.Kind.BOUNCED, MailActivity.Kind.COMPLAINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: `tone` is its colour, `notes` follow the sentence."""

    time: SafeString
    tone: str
    what: SafeString
    notes: Sequence[SafeString]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    title: str
    lines: Sequence[Line]


def by_day(page: Page, *, now: datetime) -> list[Day]:
    """Return a page's lines by the day of the current zone's clock, newest first."""
    named = _Named(page)
    days = groupby(page.entries, key=lambda entry: local_time(entry.at).date())
    today = local_time(now).date()
    return [
        Day(title=_title(day, today), lines=[_line(entry, named) for entry in entries])
        for day, entries in days
    ]


class _Named:
    """What the lines name: rules, enrollments of mails, events that were waited for."""

    def __init__(self, page: Page) -> None:
        rows: dict[LineKind, list[Any]] = {}
        for entry in page.entries:
            rows.setdefault(entry.kind, []).append(entry.row)
        events: list[Event] = [*rows.get(LineKind.EVENT, ()), *page.causes.values()]
        rule_ids = {
            UUID(hex=each["rule"])
            for event in events
            for key in ("tagsAdded", "tagsRemoved")
            for each in event.effects.get(key, ())
        }
        rules = SyncRule.objects.filter(pk__in=rule_ids) if rule_ids else ()
        self.rules: Mapping[str, SyncRule] = {rule.pk.hex: rule for rule in rules}
        causes = [mail.cause for mail in rows.get(LineKind.MAIL, ())]
        ids = {each for cause in causes if (each := _enrollment_id(cause))}
        found = Enrollment.objects.filter(pk__in=ids).select_related("sequence") if ids else ()
        self.enrollments: Mapping[UUID, Enrollment] = {row.pk: row for row in found}
        step_runs: list[StepRun] = rows.get(LineKind.STEP, [])
        self.awaited = awaited_by(step_runs)
        self.causes = page.causes
        self.knows_all = page.knows_all


def _line(entry: TimelineEntry, named: _Named) -> Line:
    tone, what, notes = _said(entry, named)
    clock = f"{local_time(entry.at):%H:%M}"
    shown = [note for note in notes if note]
    return Line(time=time_tag(entry.at, clock), tone=tone, what=what, notes=shown)


def _said(entry: TimelineEntry, named: _Named) -> Said:  # noqa: C901, PLR0911, PLR0912 - one return a kind
    match entry.kind:
        case LineKind.ADDED:
            return "change", sentence("{}", "Added"), ()
        case LineKind.EVENT:
            return _event(entry.row, named)
        case LineKind.CONSENT:
            return _consent(entry.row)
        case LineKind.TAG:
            return _tag(entry.row, named)
        case LineKind.JOINED:
            return _list(entry.row, "Joined the list {}")
        case LineKind.LEFT:
            return _list(entry.row, "Left the list {}")
        case LineKind.ENTERED:
            return _entered(entry.row)
        case LineKind.STEP:
            return _step(entry.row, named)
        case LineKind.MAIL:
            return _mail(entry.row, named)
        case LineKind.ACTIVITY:
            return _activity(entry.row)
        case LineKind.ENDED:
            return _ended(entry.row)
        case LineKind.LOG:
            return _logged(entry.row)
        case _ as never:
            assert_never(never)


def _event(event: Event, named: _Named) -> Said:
    history = " (history)" if event.is_historical else ""
    what = sentence("Event {}{}", link_to(event, event.definition.name), history)
    is_failed = "failedStages" in event.effects
    notes = (properties_in_short(event.properties), effects_in_short(event, named.rules))
    return "bad" if is_failed else "event", what, notes


def _consent(record: ConsentRecord) -> Said:
    what = sentence("{}", link_to(record, consent_words.line(record)))
    seen = ", ".join(filter(None, (record.ip, record.user_agent)))
    return "consent", what, [sentence("{}", seen[:200])] if seen else ()


def _tag(link: SubscriberTag, named: _Named) -> Said:
    what = sentence("Tag {} added", _chip(link_to(link.tag)))
    event = named.causes.get(link.pk)
    if event:
        rules = {each["tagId"]: each["rule"] for each in event.effects.get("tagsAdded", ())}
        rule = named.rules.get(rules[link.tag_id.hex])
        by = sentence("the rule “{}”", link_to(rule)) if rule else "a rule that is deleted"
        return (
            "change",
            what,
            [sentence("by {}, with {}", by, link_to(event, event.definition.name))],
        )
    return "change", what, [sentence("{}", NOT_RECORDED)] if named.knows_all else ()


def _list(membership: ListMembership, words: str) -> Said:
    return "change", sentence(words, link_to(membership.list)), ()


def _entered(row: Enrollment) -> Said:
    what = sentence("Entered {}", link_to(row, row.sequence.name))
    return "sequence", what, [sentence("by {}", enrollments.entry_in_words(row))]


def _ended(row: Enrollment) -> Said:
    state = row.get_status_display().lower()
    what = sentence("{} ended: {}", link_to(row, row.sequence.name), state)
    is_bad = row.status == Enrollment.Status.FAILED
    why = enrollments.why(row)
    return "bad" if is_bad else "sequence", what, [sentence("{}", why)] if why else ()


def _step(run: StepRun, named: _Named) -> Said:
    where = link_to(run.enrollment, run.enrollment.sequence.name)
    what = sentence("{}: {}", where, row_in_words(run.step))
    is_bad = run.status == StepRun.Status.FAILED
    return "bad" if is_bad else "sequence", what, [what_it_did(run, named.awaited)]


def _mail(email: OutgoingEmail, named: _Named) -> Said:
    subject = link_tokens.hidden(email.subject) or "(no subject)"
    is_queued = email.status == MailStatus.QUEUED
    state = "queued, has not left" if is_queued else email.get_status_display().lower()
    what = sentence("Mail “{}” {}", link_to(email, subject), state)
    notes = []
    note = mail_words.note(email)
    if note != "-":
        notes.append(sentence("{}", note))
    enrollment = named.enrollments.get(_enrollment_id(email.cause) or email.pk)
    if enrollment:
        notes.append(sentence("by {}", link_to(enrollment, enrollment.sequence.name)))
    elif email.kind == OutgoingEmail.Kind.CONFIRMATION:
        notes.append(sentence("{}", "asks to confirm the address"))
    return "bad" if email.status in BAD_MAILS else "mail", what, notes


def _activity(row: MailActivity) -> Said:
    subject = link_tokens.hidden(row.email.subject) or "(no subject)"
    what = sentence("Mail “{}” {}", link_to(row.email, subject), activity_words.in_short(row))
    known = (row.url, activity_words.reasons(row))
    tone = "bad" if row.kind in BAD_ACTIVITY else "mail"
    return tone, what, [sentence("{}", each) for each in known if each]


def _logged(entry: LogEntry) -> Said:
    said = sentence("{}: {}", entry.user.get_username(), entry.get_change_message() or "-")
    return "change", said, ()


def _enrollment_id(cause: str) -> UUID | None:
    if not cause.startswith(Enrollment.MAIL_CAUSE_PREFIX):
        return None
    try:
        return Enrollment.id_in_cause(cause)
    except ValueError:
        return None


def _chip(content: SafeString) -> SafeString:
    return sentence('<span class="cueline-item">{}</span>', content)


def _title(day: date, today: date) -> str:
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return date_format(day, "j F" if day.year == today.year else "j F Y")
