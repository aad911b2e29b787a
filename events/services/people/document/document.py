"""The JSON document of one person, in the wire's words.

For people who ask what is stored about them (GDPR, articles 15 and 20), and for support. Times are
UTC; ids are those of the wire, tags and lists are given by name. Its keys, in this order:

- `exportedAt`, `workspace` (the slug)
- `subscriber`: `id, email, externalId, firstName, lastName, timezone, status, tags,
  customAttributes, createdAt, updatedAt, unsubscribedAt`
- `lists`: `name, subscribedAt, unsubscribedAt`, also of lists that the person left
- `suppression`: null, or `reason, source, details, bounces, suppressedAt`
- `confirmations`: the questions: `askedAt, mails, remindedAt, confirmedAt, closedAt`
- `consent`: the ledger, oldest first: `kind, method, at, ip, userAgent, eventId, apiKey,
  requestId, listName, textHash, reason, actor`
- `events`, as they occurred: `id, name, eventId, occurredAt, receivedAt, historical, properties,
  effects` (as the API answers them)
- `sequenceEnrollments`, oldest first: `enrollmentId, sequenceId, sequenceName, version, status,
  reason, enrollmentKey, enteredVia, startedByEventId, isTest, currentNodeId, currentNodeType,
  enteredAt, waitUntil, pausedAt, endedAt, updatedAt, lastError`, and `steps`: `nodeId, nodeType,
  visit, status, outcome, emailId, attempts, error, startedAt, endedAt`
- `emails`, oldest first: `id, kind, status, reason, messageId, from, replyTo, to, subject, headers,
  html, text, attempts, lastError, createdAt, dueAt, sentAt`
- `mailActivity`, what became of the emails: `emailId, kind, at, times, lastAt, quality, reasons,
  url, bounceType`
- `importRejects`, rows of files that name the person and were refused: `files, fileIndex, line,
  field, reason, row`
- `operatorActions`, what operators did to the person in the admin: `at, what`

Left out are secrets (the unsubscribe token, the tokens of links in mails), answers kept for a day
for repeated requests, and counts of many people. Lists of any length are streamed, page by page, in
short reads without locks.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Prefetch, Q, QuerySet

from events.models import Enrollment, Event, StepRun
from events.services.people.document import wire
from subscribers.models import (
    Confirmation,
    ConsentRecord,
    ListMembership,
    MailActivity,
    OutgoingEmail,
    Subscriber,
)
from subscribers.services.audience import tags
from subscribers.services.consent import suppressions
from subscribers.services.people import traces
from subscribers.wire.address_hashes import address_hash

PAGE = 500
# Their bodies may be long.
EMAILS_AT_ONCE = 50
# Each with up to some hundred steps.
ENROLLMENTS_AT_ONCE = 50
Section = tuple[str, Any]
_encoder = msgspec.json.Encoder()


def chunks(*, subscriber: Subscriber, now: datetime) -> Iterator[bytes]:
    """Yield the document as UTF-8, each element of a list on its own line."""
    before = b"{\n"
    for key, value in _sections(subscriber, now):
        yield before + _encoder.encode(key) + b": "
        yield from _listed(value) if isinstance(value, Iterator) else [_encoder.encode(value)]
        before = b",\n"
    yield b"\n}\n"


def _listed(elements: Iterable[object]) -> Iterator[bytes]:
    before = b"[\n"
    for element in elements:
        yield before + _encoder.encode(element)
        before = b",\n"
    yield b"[]" if before == b"[\n" else b"\n]"


def _sections(person: Subscriber, now: datetime) -> Iterator[Section]:
    yield "exportedAt", now
    yield "workspace", person.workspace.slug
    yield "subscriber", wire.profile(person, tag_names=tags.names_of(person).values())
    yield "lists", map(wire.membership, _memberships(person))
    found = suppressions.find(workspace=person.workspace, email_key=person.email_key)
    yield "suppression", wire.suppression(found)
    asked = Confirmation.objects.filter(subscriber=person)
    yield "confirmations", map(wire.confirmation, _by_id(asked, PAGE))
    yield "consent", map(wire.consent_record, _by_id(_ledger(person), PAGE))
    yield "events", map(wire.event, _events(person))
    enrollments = _by_id(_enrollments(person), ENROLLMENTS_AT_ONCE)
    yield "sequenceEnrollments", map(wire.enrollment, enrollments)
    mails = OutgoingEmail.objects.filter(subscriber=person)
    yield "emails", map(wire.email, _by_id(mails, EMAILS_AT_ONCE))
    activity = MailActivity.objects.filter(subscriber=person)
    yield "mailActivity", map(wire.mail_activity, _by_id(activity, PAGE))
    # The rows that erasing the person would delete.
    rejects = traces.rejects_of(names=traces.names_of(person))
    yield "importRejects", map(wire.import_reject, rejects)
    yield "operatorActions", map(wire.operator_action, _by_id(_log_entries(person), PAGE))


def _by_id(rows: QuerySet[Any], page_rows: int) -> Iterator[Any]:
    ordered = rows.order_by("pk")
    page = list(ordered[:page_rows])
    while page:
        yield from page
        page = list(ordered.filter(pk__gt=page[-1].pk)[:page_rows]) if page[page_rows - 1 :] else []


def _events(person: Subscriber) -> Iterator[Event]:
    """Yield the person's events along the index of their timeline."""
    rows = Event.objects.filter(subscriber=person).select_related("definition")
    ordered = rows.order_by("occurred_at", "id")
    page = list(ordered[:PAGE])
    while page:
        yield from page
        last = page[-1]
        is_after = Q(occurred_at__gt=last.occurred_at) | Q(id__gt=last.id)
        page = list(ordered.filter(is_after, occurred_at__gte=last.occurred_at)[:PAGE])


def _memberships(person: Subscriber) -> list[ListMembership]:
    rows = ListMembership.objects.filter(subscriber=person).select_related("list")
    return sorted(rows, key=lambda row: row.list.name)


def _ledger(person: Subscriber) -> QuerySet[ConsentRecord]:
    """Return the records of the person, and of their address from before they existed."""
    hashed = address_hash(person.workspace.address_hash_key, person.email_key)
    lines = ConsentRecord.objects.filter(workspace=person.workspace)
    return lines.filter(Q(subscriber=person) | Q(address_hash=hashed))


def _enrollments(person: Subscriber) -> QuerySet[Enrollment]:
    steps = StepRun.objects.select_related("step").order_by("started_at", "pk")
    rows = Enrollment.objects.filter(subscriber=person)
    rows = rows.select_related("sequence", "version", "step")
    return rows.prefetch_related(Prefetch("step_runs", steps))


def _log_entries(person: Subscriber) -> QuerySet[LogEntry]:
    kind = ContentType.objects.get_for_model(Subscriber)
    return LogEntry.objects.filter(content_type=kind, object_id=str(person.pk))
