"""A simulation as one JSON object in the wire's words; times are UTC, links have no tokens."""

import json
from datetime import UTC, datetime
from typing import Any

from events.language.steps.kinds.webhook import MASK
from events.services.simulation import Simulation
from events.services.simulation.paths import Visit
from subscribers.wire import link_tokens


def as_wire(simulation: Simulation, *, may_edit: bool) -> dict[str, Any]:
    """Return the simulation; `path.ending` is null when the path was cut, or has no steps.
    `may_edit`: the reader may edit the sequence, and sees what its webhooks send.
    """
    sequence, ending = simulation.sequence, simulation.path.ending
    readiness, someone = simulation.readiness, simulation.someone
    return {
        "success": True,
        "sequenceId": sequence.public_id,
        "sequenceName": sequence.name,
        "status": sequence.status,
        "sendsMail": False,
        "readiness": {
            "ready": not readiness.problems,
            "errors": list(readiness.problems),
            "warnings": list(readiness.warnings),
        },
        "subscriber": {
            "id": someone.subscriber.public_id if someone.is_known else None,
            "email": someone.subscriber.email,
            "status": someone.status,
        },
        "enrollment": _enrollment(simulation),
        "path": {
            "beginsAt": _moment(simulation.begins_at),
            "steps": [_visit(visit, may_edit=may_edit) for visit in simulation.path.visits],
            "ending": ending
            and {"at": _moment(ending.at), "status": ending.status, "reason": ending.reason},
        },
        "notes": list(simulation.notes),
    }


def _enrollment(simulation: Simulation) -> dict[str, Any]:
    entry = simulation.entry
    said: dict[str, Any] = {
        "wouldEnter": entry.would_enter,
        "by": entry.by,
        "name": entry.name,
        "waitsForConfirmation": entry.would_enter
        and simulation.someone.is_pending
        and not simulation.sequence.runs_while_pending,
    }
    if entry.reason:
        said["reason"] = entry.reason
    if entry.path:
        said["path"] = entry.path
    return said


def _visit(visit: Visit, *, may_edit: bool) -> dict[str, Any]:
    step = visit.placed.step
    said: dict[str, Any] = {
        "stepId": step.id,
        "type": step.kind,
        "label": step.label,
        "beganAt": _moment(visit.began_at),
        "endedAt": _moment(visit.ended_at),
        "status": visit.status,
        "outcome": {
            key: _moment(value) if isinstance(value, datetime) else value
            for key, value in visit.outcome.items()
        },
    }
    if visit.mail:
        said["email"] = {
            "kind": visit.mail.kind,
            "from": visit.mail.sender,
            "replyTo": visit.mail.reply_to,
            "to": visit.mail.recipient,
            "subject": link_tokens.hidden(visit.mail.subject),
            "html": link_tokens.hidden(visit.mail.html),
            "text": link_tokens.hidden(visit.mail.text),
            "notes": visit.mail.notes.splitlines(),
        }
    if visit.call:
        body = json.loads(visit.call.body or b"null")
        said["webhook"] = body if may_edit or body is None else MASK
        said["request"] = {
            "method": visit.call.method,
            "url": visit.call.url if may_edit else visit.call.masked_url,
            "headers": dict(visit.call.masked_headers),
        }
    if visit.error:
        said["error"] = visit.error
    return said


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
