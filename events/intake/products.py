"""The presets of other products: what their exports call the parts of an event."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from events.intake.presets import WAREHOUSE, Preset
from subscribers.rows.survey import ERROR


def _starred(*names: str) -> tuple[str, ...]:
    return (*names, *(f"*.{name}" for name in names))


# Segment's documentation: "Spec: Common Fields" and "AWS S3 Destination" for raw calls (lines of
# JSON, as .gz), "Warehouse Schemas" for tables (`tracks`, and one for each event): in snake case,
# `event_text` is the name and `event` its slug, and each property has a column.
_SEGMENT = Preset(
    title="Segment",
    kinds=("type",),
    event_kinds=frozenset({"track"}),
    signs=(
        frozenset({"event", "messageId", "originalTimestamp"}),
        frozenset({"event", "messageId", "type", "userId"}),
        frozenset({"event_text", "received_at"}),
        frozenset({"event_text", "user_id", "timestamp"}),
    ),
    reserved=WAREHOUSE | {"uuid", "uuid_ts", "loaded_at", ERROR},
    names={
        "name": ("event_text", "event"),
        "eventId": ("messageId", "id"),
        "occurredAt": (
            "timestamp", "originalTimestamp", "original_timestamp", "sentAt", "sent_at",
            "receivedAt", "received_at",
        ),
        "email": (
            "context.traits.email", "context_traits_email", "traits.email", "properties.email",
            "email",
        ),
        "externalId": ("userId", "user_id"),
        "properties": ("properties",),
    },
)  # fmt: skip
# RudderStack's documentation: "Common Fields" and "Warehouse Schema"; its server's
# warehouse/transformer/internal/rules for the reserved columns.
_RUDDERSTACK = replace(
    _SEGMENT,
    title="RudderStack",
    signs=(
        frozenset({"event", "messageId", "rudderId"}),
        frozenset({"event", "messageId", "request_ip"}),
        frozenset({"event_text", "channel"}),
        frozenset({"event_text", "context_request_ip"}),
        frozenset({"event_text", "context_passed_ip"}),
    ),
    reserved=_SEGMENT.reserved | {"channel", "record_id", "rudder_event"},
)
# PostHog's documentation: "S3 destination for batch exports" for JSONL. Its csv_exporter.py and the
# tests of it for CSV: flat columns, with `*.` where all columns are exported.
_POSTHOG = Preset(
    title="PostHog",
    signs=(
        frozenset({"event", "distinct_id"}),
        frozenset({"*.event", "*.distinct_id"}),
        frozenset({"event", "person.distinct_id"}),
    ),
    identified_by=_starred("properties.$is_identified", "properties.$user_id"),
    prefixes=("*.properties.",),
    names={
        "name": _starred("event"),
        "eventId": (*_starred("uuid"), "id"),
        "occurredAt": _starred("timestamp"),
        "email": (
            *_starred("person_properties.email", "person.properties.email"),
            *_starred("properties.$set.email", "properties.email"), "email",
        ),
        "externalId": (*_starred("distinct_id"), "person.distinct_id"),
        "properties": _starred("properties"),
    },
)  # fmt: skip
# Customer.io's documentation: "App API: List activities"; "Track API v2", which has `action`;
# "Pipelines API", whose calls storage destinations write as `….track.json`; "Reporting webhooks" of
# messages, in `data`. Its data warehouse sync has messages and people alone, in Parquet.
_CUSTOMERIO = Preset(
    title="Customer.io",
    kinds=("action", "type"),
    event_kinds=frozenset({"event", "track"}),
    signs=(
        frozenset({"customer_identifiers"}),
        frozenset({"customer_identifiers.email"}),
        frozenset({"customer_identifiers.id"}),
        frozenset({"name", "identifiers", "timestamp"}),
        frozenset({"metric", "object_type", "event_id"}),
    ),
    prefixes=("data.", "attributes."),
    names={
        "name": ("name", "event_name", "event"),
        "eventId": ("id", "event_id", "messageId"),
        "occurredAt": ("timestamp", "created_at", "originalTimestamp"),
        "email": (
            "identifiers.email", "customer_identifiers.email", "customer.email",
            "data.identifiers.email", "data.email_address", "context.traits.email", "email",
        ),
        "externalId": (
            "identifiers.id", "customer_identifiers.id", "customer_id", "customer.id",
            "data.identifiers.id", "data.customer_id", "userId",
        ),
        "properties": ("data", "attributes", "properties"),
    },
)  # fmt: skip
# The first that fits counts.
PRESETS: Mapping[str, Preset] = {
    "posthog": _POSTHOG,
    "customerio": _CUSTOMERIO,
    "rudderstack": _RUDDERSTACK,
    "segment": _SEGMENT,
}


def fitting(columns: Collection[str]) -> str | None:
    """Return the name of the preset whose files have such columns or keys."""
    return next((name for name, preset in PRESETS.items() if preset.fits(columns)), None)
