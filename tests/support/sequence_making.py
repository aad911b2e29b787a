"""Sequences in the wire's words, made by the services as callers make them."""

from datetime import UTC, datetime
from typing import Any

from events.language.specs import parse_sequence
from events.models import Sequence
from events.services.sequences import sequences
from subscribers.models import Workspace

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MAIL = {"type": "email", "subject": "Hello", "html": "<p>Hello</p>"}


def make_sequence(
    workspace: Workspace,
    *steps: dict[str, Any],
    is_active: bool = True,
    now: datetime = NOON,
    **wire: Any,
) -> Sequence:
    """Create a sequence of these steps (one exit when there are none), active unless told.

    `wire` has its other fields. Where it says nothing else, the name is "Sequence 1" and so on, the
    sender news@example.com, and the event `signup` starts it: `trigger="tag_added", tagNames=[…]`,
    `trigger="contact_added", lists=[…]`, `trigger="manual"` are the other ways in.
    """
    raw = {
        "name": f"Sequence {workspace.sequences.count() + 1}",
        "fromEmail": "news@example.com",
        "trigger": "event_received",
        "eventName": "signup",
        "steps": list(steps) or [{"type": "exit"}],
        **wire,
    }
    if raw["trigger"] != "event_received":
        raw["eventName"] = None
    sequence = sequences.create(workspace=workspace, spec=parse_sequence(raw), now=now)
    if is_active:
        sequences.activate(sequence=sequence, now=now)
    return sequence
