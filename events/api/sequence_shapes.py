"""A sequence in answers: its words, and its steps as nodes and edges."""

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Several
from datetime import datetime, timedelta
from typing import Any

from events.language import filters
from events.language.specs import SequenceSpec, as_wire
from events.language.steps import graph
from events.language.steps.kinds import webhook
from events.language.steps.node_types import NODE_TYPES
from events.models import Sequence
from events.services.sequences import versions
from subscribers.api.calls import Answered, Shape
from subscribers.api.values import Count

TRIGGER_NODE = "trigger"
Status = Sequence.Status


class SequenceShape(Shape, kw_only=True):
    """`key` is what files match it by. `effectiveStatus`: draft, live, enrollment_paused, …"""

    id: str
    key: str
    name: str
    description: str
    status: str
    trigger: str
    trigger_config: dict[str, Any]
    enrollment_mode: str
    enrollment_paused: bool
    effective_status: str
    effective_status_summary: str
    accepts_new_enrollments: bool
    processes_existing_enrollments: bool
    active_subscribers_only: bool
    sending_window: dict[str, Any] | None
    labels: list[str]
    label_ids: list[str]
    from_email: str | None
    from_name: str | None
    reply_to_email: str | None
    created_at: datetime
    updated_at: datetime
    paused_at: datetime | None
    pause_reason: str | None


class XY(Shape, kw_only=True):
    x: int
    y: int


class NodeShape(Shape, kw_only=True):
    id: str
    node_type: str
    config: dict[str, Any]
    position: XY
    updated_at: datetime
    structural_step_number: int


class EdgeShape(Shape, kw_only=True):
    """`condition` names the way of a step that has several."""

    source_node_id: str
    target_node_id: str
    condition: dict[str, str] | None


class MailShape(Shape, kw_only=True):
    step_number: int
    node_id: str
    email_id: str
    subject: str
    preview_text: str
    delay_ms: int
    is_transactional: bool


class StopShape(Shape, kw_only=True):
    """`matchConfig` says which of the events end an enrollment; null where every one does."""

    type: str
    value: str
    property_filters: list[dict[str, Any]]
    match_config: dict[str, Any] | None


class WholeSequence(SequenceShape, kw_only=True):
    stop_condition: StopShape | None
    nodes: list[NodeShape]
    edges: list[EdgeShape]
    emails: list[MailShape]
    email_count: Count
    graph_revision: str


class OffsetPages(Shape, kw_only=True):
    """`total` is exact to 10,000; beyond it is what was counted last, or null."""

    count: Count
    total: Count | None
    limit: int
    offset: int
    has_more: bool


class SequencesAnswer(Answered, kw_only=True):
    sequences: list[SequenceShape]
    pagination: OffsetPages


class SequenceAnswer(Answered, kw_only=True):
    sequence: SequenceShape

    @property
    def edited(self) -> Shape:
        return self.sequence


class WholeSequenceAnswer(Answered, kw_only=True):
    sequence: WholeSequence


class CopiedAnswer(Answered, kw_only=True):
    sequence: SequenceShape
    nodes: list[NodeShape]
    edges: list[EdgeShape]


class SwitchedAnswer(Answered, kw_only=True):
    """`warnings` are what may surprise the sequence's owner."""

    sequence_id: str
    status: str
    effective_status: str
    effective_status_summary: str
    enrollment_paused: bool
    accepts_new_enrollments: bool
    processes_existing_enrollments: bool
    message: str
    # The wire has sentences here; these calls take nothing that could be unused.
    warnings: list[str]  # type: ignore[assignment]


class ReadinessShape(Shape, kw_only=True):
    ready: bool
    errors: list[str]
    warnings: list[str]


class SimulationAnswer(Answered, kw_only=True):
    """Nothing was written, nothing was sent. `notes` say what was assumed."""

    sequence_id: str
    sequence_name: str
    status: str
    subscriber: dict[str, Any]
    enrollment: dict[str, Any]
    readiness: ReadinessShape
    path: dict[str, Any]
    notes: list[str]
    sends_mail: bool


def effective_status(row: Sequence) -> tuple[str, str]:
    """Return the word for what the sequence does now, and a sentence."""
    match row.status:
        case Status.DRAFT:
            return "draft", "It is a draft: nobody enters."
        case Status.ARCHIVED:
            return "archived", "It is archived: nobody enters, and everybody in it waits."
        case Status.PAUSED:
            return "paused", "It is paused: nobody enters, and everybody in it waits."
    if row.is_enrollment_paused:
        return "enrollment_paused", "Nobody enters; everybody in it goes on."
    return "live", "People enter, and everybody in it goes on."


def summary(row: Sequence) -> dict[str, Any]:
    wire = as_wire(versions.spec_of(row, has_steps=False))
    word, sentence = effective_status(row)
    trigger = wire.get("trigger", "contact_added")
    config = {
        name: wire[name]
        for name in ("eventName", "propertyFilters", "tagNames", "lists", "listScope")
        if name in wire
    }
    return {
        "id": row.public_id,
        "key": row.key,
        "name": row.name,
        "description": row.description,
        "status": row.status,
        "trigger": trigger,
        "trigger_config": config,
        "enrollment_mode": row.enrollment_mode,
        "enrollment_paused": row.is_enrollment_paused,
        "effective_status": word,
        "effective_status_summary": sentence,
        "accepts_new_enrollments": word == "live",
        "processes_existing_enrollments": row.status == Status.ACTIVE,
        "active_subscribers_only": row.active_subscribers_only,
        "sending_window": wire.get("sendingWindow"),
        "labels": row.labels,
        "label_ids": [],
        "from_email": wire.get("fromEmail"),
        "from_name": wire.get("fromName"),
        "reply_to_email": wire.get("replyTo"),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "paused_at": row.paused_at,
        "pause_reason": row.pause_reason or None,
    }


def whole(row: Sequence, spec: SequenceSpec, *, may_edit: bool) -> WholeSequence:
    """Return a sequence with its steps; `may_edit`: the key may."""
    wire = as_wire(spec)
    nodes = [*_nodes(row, wire.get("steps", []), may_edit=may_edit)]
    emails = [*_emails(wire.get("steps", []))]
    return WholeSequence(
        **summary(row),
        stop_condition=stop_shape(spec),
        nodes=nodes,
        edges=[*_edges(spec)],
        emails=emails,
        email_count=len(emails),
        graph_revision=row.current_version_id.hex if row.current_version_id else "",
    )


def stop_shape(spec: SequenceSpec) -> StopShape | None:
    stop = spec.stop_condition
    if stop is None:
        return None
    wanted = filters.as_wire(stop.filters)
    match: dict[str, Any] | None = None
    if stop.field_path:
        paths = {"entryFieldPath": spec.enrollment_field_path, "eventFieldPath": stop.field_path}
        match = {"mode": "event_property", "rules": [paths]}
    elif wanted:
        match = {"mode": "event_property_filter", "propertyFilters": wanted}
    return StopShape(type=stop.type, value=stop.value, property_filters=wanted, match_config=match)


def _nodes(
    row: Sequence, steps: Several[Mapping[str, Any]], *, may_edit: bool
) -> Iterator[NodeShape]:
    secret = webhook.SECRET if may_edit else webhook.SECRET_TO_READERS
    at = row.current_version.created_at if row.current_version else row.updated_at
    yield NodeShape(
        id=TRIGGER_NODE,
        node_type=TRIGGER_NODE,
        config={},
        position=XY(x=0, y=0),
        updated_at=at,
        structural_step_number=0,
    )
    for number, step in enumerate(steps, start=1):
        config = {name: value for name, value in step.items() if name not in {"id", "type"}}
        if step["type"] == webhook.WebhookStep.kind:
            found = config.keys() & secret
            config |= {name: webhook.masked(name, config[name]) for name in found}
        yield NodeShape(
            id=step["id"],
            node_type=NODE_TYPES[step["type"]],
            config=config,
            position=XY(x=0, y=number * 100),
            updated_at=at,
            structural_step_number=number,
        )


def _edges(spec: SequenceSpec) -> Iterator[EdgeShape]:
    if spec.steps:
        first = spec.steps[0].id
        yield EdgeShape(source_node_id=TRIGGER_NODE, target_node_id=first, condition=None)
    for step, ways in zip(spec.steps, graph.ways(spec.steps), strict=True):
        for name, place in ways:
            # The end is no node.
            if place < len(spec.steps):
                yield EdgeShape(
                    source_node_id=step.id,
                    target_node_id=spec.steps[place].id,
                    condition={"branch": name} if name else None,
                )


def _emails(steps: Several[Mapping[str, Any]]) -> Iterator[MailShape]:
    number = 0
    for before, step in zip([{}, *steps], steps, strict=False):
        if step["type"] != "email":
            continue
        number += 1
        yield MailShape(
            step_number=number,
            node_id=step["id"],
            email_id=step["id"],
            subject=step.get("subject", ""),
            preview_text=step.get("previewText", ""),
            delay_ms=_milliseconds(before),
            is_transactional=step.get("isTransactional", False),
        )


def _milliseconds(step: Mapping[str, Any]) -> int:
    """Return how long a step waits, if it waits for a time alone."""
    if step.get("type") != "delay" or step.get("mode", "duration") != "duration":
        return 0
    parts = {name: step.get(name, 0) for name in ("days", "hours", "minutes", "seconds")}
    return int(timedelta(**parts).total_seconds() * 1000)
