"""The parts of a person's document, in the wire's words; `document` has the keys."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import Model

from events.models import Enrollment, Event, StepRun
from subscribers import models
from subscribers.ids import encode
from subscribers.wire import link_tokens
from subscribers.wire.profile import wire_form

Row = dict[str, Any]


def _columns(row: Model, *names: str) -> Row:
    wire_names = (name.title().replace("_", "") for name in names)
    return {
        wire_name[0].lower() + wire_name[1:]: getattr(row, name)
        for wire_name, name in zip(wire_names, names, strict=True)
    }


def profile(person: models.Subscriber, *, tag_names: Iterable[str]) -> Row:
    """Return the person as `GET subscribers/{email}` does."""
    return {
        "id": person.public_id,
        "email": person.email,
        "externalId": person.external_id,
        **wire_form(person),
        "timezone": person.timezone or None,
        "status": person.status,
        "tags": sorted(tag_names),
        "customAttributes": person.attributes,
        **_columns(person, "created_at", "updated_at", "unsubscribed_at"),
    }


def membership(row: models.ListMembership) -> Row:
    return {"name": row.list.name, **_columns(row, "subscribed_at", "unsubscribed_at")}


def suppression(row: models.Suppression | None) -> Row | None:
    if row is None:
        return None
    columns = _columns(row, "reason", "source", "details", "bounces")
    return {**columns, "suppressedAt": row.created_at}


def confirmation(row: models.Confirmation) -> Row:
    return _columns(row, "asked_at", "mails", "reminded_at", "confirmed_at", "closed_at")


def consent_record(row: models.ConsentRecord) -> Row:
    return {
        **_columns(row, "kind", "method", "at", "ip", "user_agent"),
        "eventId": row.event_id and encode("evt", row.event_id),
        **_columns(row, "api_key", "request_id", "list_name", "text_hash", "reason", "actor"),
    }


def event(row: Event) -> Row:
    return {
        "id": row.public_id,
        "name": row.definition.name,
        **_columns(row, "event_id", "occurred_at", "received_at"),
        "historical": row.is_historical,
        **_columns(row, "properties", "effects"),
    }


def enrollment(row: Enrollment) -> Row:
    return {
        "enrollmentId": row.public_id,
        "sequenceId": row.sequence.public_id,
        "sequenceName": row.sequence.name,
        "version": row.version.number,
        **_columns(row, "status", "reason"),
        "enrollmentKey": row.entry_key,
        "enteredVia": row.entered_via,
        "startedByEventId": row.started_by_id and encode("evt", row.started_by_id),
        "isTest": row.is_test,
        "currentNodeId": row.step and row.step.key,
        "currentNodeType": row.step and row.step.kind,
        "enteredAt": row.entered_at,
        "waitUntil": row.due_at,
        **_columns(row, "paused_at", "ended_at", "updated_at", "last_error"),
        "steps": [_step_run(each) for each in row.step_runs.all()],
    }


def email(row: models.OutgoingEmail) -> Row:
    """Return a mail; the tokens of its links are hidden."""
    texts = _columns(row, "subject", "html", "text", "last_error")
    return {
        "id": row.public_id,
        **_columns(row, "kind", "status", "reason", "message_id"),
        "from": row.sender,
        "replyTo": row.reply_to,
        "to": row.recipient,
        **{key: link_tokens.hidden(text) for key, text in texts.items()},
        "headers": {name: link_tokens.hidden(str(value)) for name, value in row.headers.items()},
        "attempts": row.attempts,
        **_columns(row, "created_at", "due_at", "sent_at"),
    }


def mail_activity(row: models.MailActivity) -> Row:
    columns = ("kind", "at", "times", "last_at", "quality", "reasons", "url", "bounce_type")
    return {"emailId": encode("eml", row.email_id), **_columns(row, *columns)}


def import_reject(row: models.ImportReject) -> Row:
    return {"files": row.run.files, **_columns(row, "file_index", "line", "field", "reason", "row")}


def operator_action(entry: LogEntry) -> Row:
    """Return what an operator did; who it was is not part of the person's data."""
    return {"at": entry.action_time, "what": str(entry.get_change_message())}


def _step_run(row: StepRun) -> Row:
    return {
        "nodeId": row.step.key,
        "nodeType": row.step.kind,
        **_columns(row, "visit", "status", "outcome"),
        "emailId": row.email_id and encode("eml", row.email_id),
        **_columns(row, "attempts", "error", "started_at", "ended_at"),
    }
