"""The parts of the document about one person, in the wire's words; the package says the keys."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import LogEntry

from events.models import Enrollment, Event, StepRun
from subscribers.ids import encode
from subscribers.models import (
    Confirmation,
    ConsentRecord,
    ImportReject,
    ListMembership,
    OutgoingEmail,
    Subscriber,
    Suppression,
)
from subscribers.wire.profile import wire_form

Told = dict[str, Any]


def profile(person: Subscriber, *, tag_names: Iterable[str]) -> Told:
    """Return the person as `GET subscribers/{email}` would."""
    return {
        "id": person.public_id,
        "email": person.email,
        "externalId": person.external_id,
        **wire_form(person),
        "timezone": person.timezone or None,
        "status": person.status,
        "tags": sorted(tag_names),
        "customAttributes": person.attributes,
        "createdAt": person.created_at,
        "updatedAt": person.updated_at,
        "unsubscribedAt": person.unsubscribed_at,
    }


def membership(row: ListMembership) -> Told:
    """Return a list that the person is on, or was on."""
    return {
        "name": row.list.name,
        "subscribedAt": row.subscribed_at,
        "unsubscribedAt": row.unsubscribed_at,
    }


def suppression(row: Suppression | None) -> Told | None:
    """Return what keeps all mail from the address."""
    if row is None:
        return None
    return {
        "reason": row.reason,
        "source": row.source,
        "details": row.details,
        "bounces": row.bounces,
        "suppressedAt": row.created_at,
    }


def confirmation(row: Confirmation) -> Told:
    """Return one question whether the person wants mail."""
    return {
        "askedAt": row.asked_at,
        "mails": row.mails,
        "remindedAt": row.reminded_at,
        "confirmedAt": row.confirmed_at,
        "closedAt": row.closed_at,
    }


def consent_record(row: ConsentRecord) -> Told:
    """Return one line of the ledger."""
    return {
        "kind": row.kind,
        "method": row.method,
        "at": row.at,
        "ip": row.ip,
        "userAgent": row.user_agent,
        "eventId": row.event_id and encode("evt", row.event_id),
        "apiKey": row.api_key,
        "requestId": row.request_id,
        "listName": row.list_name,
        "textHash": row.text_hash,
        "reason": row.reason,
        "actor": row.actor,
    }


def event(row: Event) -> Told:
    """Return one event, whose definition is loaded."""
    return {
        "id": row.public_id,
        "name": row.definition.name,
        "eventId": row.event_id,
        "occurredAt": row.occurred_at,
        "receivedAt": row.received_at,
        "historical": row.is_historical,
        "properties": row.properties,
        "effects": row.effects,
    }


def enrollment(row: Enrollment) -> Told:
    """Return one way through a sequence; all that hangs on it is loaded."""
    return {
        "enrollmentId": row.public_id,
        "sequenceId": row.sequence.public_id,
        "sequenceName": row.sequence.name,
        "version": row.version.number,
        "status": row.status,
        "reason": row.reason,
        "enrollmentKey": row.entry_key,
        "enteredVia": row.entered_via,
        "startedByEventId": row.started_by_id and encode("evt", row.started_by_id),
        "isTest": row.is_test,
        "currentNodeId": row.step and row.step.key,
        "currentNodeType": row.step and row.step.kind,
        "enteredAt": row.entered_at,
        "waitUntil": row.due_at,
        "pausedAt": row.paused_at,
        "endedAt": row.ended_at,
        "updatedAt": row.updated_at,
        "lastError": row.last_error,
        "steps": [_step_run(each) for each in row.step_runs.all()],
    }


def email(row: OutgoingEmail) -> Told:
    """Return one mail as it was rendered, and what became of it."""
    return {
        "id": row.public_id,
        "kind": row.kind,
        "status": row.status,
        "reason": row.reason,
        "messageId": row.message_id,
        "from": row.sender,
        "replyTo": row.reply_to,
        "to": row.recipient,
        "subject": row.subject,
        "headers": row.headers,
        "html": row.html,
        "text": row.text,
        "attempts": row.attempts,
        "lastError": row.last_error,
        "createdAt": row.created_at,
        "dueAt": row.due_at,
        "sentAt": row.sent_at,
    }


def import_reject(row: ImportReject) -> Told:
    """Return one row of a file that was refused, whose run is loaded."""
    return {
        "files": row.run.files,
        "fileIndex": row.file_index,
        "line": row.line,
        "field": row.field,
        "reason": row.reason,
        "row": row.row,
    }


def operator_action(entry: LogEntry) -> Told:
    """Return what was done by hand; who did it is not the person's concern."""
    return {"at": entry.action_time, "what": str(entry.get_change_message())}


def _step_run(row: StepRun) -> Told:
    return {
        "nodeId": row.step.key,
        "nodeType": row.step.kind,
        "visit": row.visit,
        "status": row.status,
        "outcome": row.outcome,
        "emailId": row.email_id and encode("eml", row.email_id),
        "attempts": row.attempts,
        "error": row.error,
        "startedAt": row.started_at,
        "endedAt": row.ended_at,
    }
