"""What the OpenAPI document says about the endpoints that take events."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema

from events.api.openapi_effects import EFFECTS
from events.api.openapi_examples import BULK_EXAMPLES, IMPORT_EXAMPLES, SINGLE_EXAMPLES
from events.intake.payloads import LONGEST_EVENT_ID, LONGEST_NAME
from events.intake.unknown_fields import MOST_WARNINGS
from events.models import FailedStage
from subscribers.api import openapi as shared
from subscribers.api.openapi import (
    COUNT,
    Schema,
    component,
    listing,
    only_true,
    optional,
    public_id,
    record,
    text,
)  # fmt: skip
from subscribers.wire import addresses, payloads, profile

TAGS = ["Events"]
_View = TypeVar("_View", bound=Callable[..., Any])

# --- What comes in ----------------------------------------------------------------------------

NAME = text("Trimmed; no control characters, no unseen ones.", minLength=1, maxLength=LONGEST_NAME)
EVENT_ID = text(
    "The caller's id, unique for the subscriber and the name: a repeat writes and runs nothing.",
    minLength=1,
    maxLength=LONGEST_EVENT_ID,
)
PROPERTIES: Schema = {
    "type": "object",
    "description": f"Any JSON, at most {settings.MAX_PROPERTIES_BYTES} bytes as compact UTF-8.",
}
EVENT_FIELDS: Schema = {
    "properties": optional(PROPERTIES),
    "occurredAt": optional(
        {
            **shared.MOMENT,
            "description": "Now unless given. More than"
            f" {int(settings.HISTORY_AFTER.total_seconds())} seconds ago: history, which is"
            " recorded and has no effects.",
        }
    ),
    "eventId": optional(EVENT_ID),
}
IDENTITY_FIELDS: Schema = {
    "email": optional(
        text("Finds or creates the subscriber.", format="email", maxLength=addresses.LONGEST)
    ),
    "externalId": optional(
        text(
            "The caller's own id; without an email it must be known.",
            minLength=1,
            maxLength=payloads.LONGEST_EXTERNAL_ID,
        )
    ),
}
PERSON_FIELDS: Schema = {
    **IDENTITY_FIELDS,
    **{
        each.wire_name: optional(text("Fills an empty one.", maxLength=each.longest))
        for each in profile.TEXTS
    },
    "customAttributes": optional(
        {
            "type": "object",
            "description": "Merged key by key; null removes a key. History only adds what is"
            " missing. At most"
            f" {settings.MAX_ATTRIBUTES_BYTES} bytes once merged.",
        }
    ),
    "resubscribe": optional(
        {
            "type": "boolean",
            "description": "True: a person who left is asked to confirm again, within the limits."
            " Only their confirmation makes them active.",
        }
    ),
}
EVENTS_LIMITS = {"minItems": 1, "maxItems": settings.MAX_EVENTS_PER_REQUEST}
BULK_BODY = record(
    {
        **PERSON_FIELDS,
        "events": listing(record({"name": NAME, **EVENT_FIELDS}, required=["name"]))
        | EVENTS_LIMITS,
    },
    required=["events"],
)
SINGLE_BODY = record({"event": NAME, **PERSON_FIELDS, **EVENT_FIELDS}, required=["event"])
IMPORT_BODY = record(
    {
        "events": listing(
            record(
                {"name": NAME, **PERSON_FIELDS, **EVENT_FIELDS, "eventId": EVENT_ID},
                required=["name", "eventId"],
            )
        )
        | EVENTS_LIMITS
    },
    required=["events"],
)

# --- What goes out ----------------------------------------------------------------------------

SUBSCRIBER = component(
    "PersonOfEvents",
    {
        "id": public_id("sub"),
        "email": {"type": "string"},
        "externalId": {"type": ["string", "null"]},
        "created": {"type": "boolean", "description": "Whether this request created it."},
    },
    required=["id", "email", "externalId", "created"],
)
FAILED_STAGES = listing(
    {"enum": FailedStage.Stage.values},
    description="The event is recorded; these stages failed and are retried.",
)
RECORDED = component(
    "RecordedEvent",
    {
        "id": public_id("evt"),
        "name": {"type": "string"},
        "definitionCreated": {"type": "boolean", "description": "The first event of a new name."},
        "duplicate": only_true("It was recorded before."),
        "historical": only_true("Kept as history."),
        "sideEffectFailures": FAILED_STAGES,
    },
    required=["id", "name", "definitionCreated"],
)
FAILED = component(
    "FailedEvent",
    {
        "index": COUNT,
        "name": {"type": ["string", "null"]},
        "error": record(
            {"code": {"type": "string"}, "message": {"type": "string"}},
            required=["code", "message"],
        ),
    },
    required=["index", "name", "error"],
)
WHY_NO_MAIL = (
    "suppressed", "asked_recently", "asked_too_often", "historical", "test_key", "mail_paused",
    "not_in_allow_list",
)  # fmt: skip
OPT_IN = component(
    "ConfirmationAsked",
    {
        "required": {"type": "boolean", "description": "Always true."},
        "emailQueued": {
            "type": "boolean",
            "description": "Whether a confirmation mail was queued; if not, `reason` says why.",
        },
        "reason": {
            "enum": list(WHY_NO_MAIL),
            "description": "Why no mail was queued. With `mail_paused` it is queued and waits, with"
            " `not_in_allow_list` it is queued and skipped.",
        },
        "retryAfter": {
            **shared.MOMENT,
            "description": "From when on another request can queue a mail.",
        },
    },
    required=["required", "emailQueued"],
    description="Present if the person must confirm and was created, or asked again.",
)
WARNINGS = listing(
    shared.FAULT,
    description="What was given and not used, or not as it seems; absent if there is nothing to"
    f" say. After {MOST_WARNINGS} of them the rest is counted, with an empty path.",
)
DRY_RUN = only_true("Nothing was kept.")
# Null for an event that is not recorded.
EFFECTS_OR_NOTHING: Schema = {"anyOf": [EFFECTS, {"type": "null"}]}
# Only with `dryRun`.
BULK_ANSWER = component(
    "EventsRecorded",
    {
        "success": shared.SUCCESS,
        "subscriber": SUBSCRIBER,
        "events": listing({"anyOf": [RECORDED, FAILED]}, description="As sent, in that order."),
        "optIn": OPT_IN,
        "warnings": WARNINGS,
        "dryRun": DRY_RUN,
        "effects": listing(EFFECTS_OR_NOTHING),
        "error": record({"code": {"const": "PARTIAL_FAILURE"}, "message": {"type": "string"}}),
    },
    required=["success", "subscriber", "events"],
)
SINGLE_ANSWER = component(
    "EventRecorded",
    {
        "success": shared.SUCCESS,
        "subscriber": SUBSCRIBER,
        "event": record(
            {"id": public_id("evt"), "name": {"type": "string"}, "definitionCreated": shared.FLAG},
            required=["id", "name", "definitionCreated"],
        ),
        "duplicate": only_true("It was recorded before."),
        "sideEffectFailures": FAILED_STAGES,
        "historical": only_true(
            "Kept as history: `inserted`, `duplicates` and `events` replace `event`."
        ),
        "inserted": COUNT,
        "duplicates": COUNT,
        "events": listing(
            record(
                {"id": public_id("evt"), "name": {"type": "string"}, "occurredAt": shared.MOMENT}
            )
        ),
        "optIn": OPT_IN,
        "warnings": WARNINGS,
        "dryRun": DRY_RUN,
        "effects": EFFECTS_OR_NOTHING,
        "accountIgnored": record({"reason": {"type": "string"}, "message": {"type": "string"}}),
    },
    required=["success", "subscriber"],
)
IMPORT_ANSWER = component(
    "EventsImported",
    {
        "success": shared.SUCCESS,
        "total": COUNT,
        "recorded": COUNT,
        "duplicates": COUNT,
        "failed": COUNT,
        "failures": listing(
            record(
                {"index": COUNT, "error": {"type": "string"}, "code": {"type": "string"}},
                required=["index", "error", "code"],
            )
        ),
        "sideEffectFailed": COUNT,
        "sideEffectFailures": listing(
            record({"index": COUNT, "stages": FAILED_STAGES, "error": {"type": "string"}})
        ),
        "subscribers": {"type": "integer", "description": "Distinct identities in the request."},
        "error": {"type": "string"},
        "warnings": WARNINGS,
        "dryRun": DRY_RUN,
        "effects": listing(EFFECTS_OR_NOTHING),
    },
    required=["success", "total", "recorded", "duplicates", "failed", "failures", "subscribers"],
)

# --- The endpoints ----------------------------------------------------------------------------


def _endpoint(
    *,
    operation_id: str,
    summary: str,
    body: Schema,
    by_status: dict[int, tuple[str, Schema]],
    examples: list[OpenApiExample],
) -> Callable[[_View], _View]:
    described: Callable[[_View], _View] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=TAGS,
        parameters=[
            shared.DRY_RUN,
            shared.IDEMPOTENCY_KEY,
            shared.REQUEST_ID,
            *shared.RATE_LIMIT_HEADERS,
        ],
        request={shared.MEDIA_TYPE: body},
        responses=shared.answers(by_status, errors=shared.WRITING_ERRORS),
        examples=examples,
    )
    return described


describe_bulk = _endpoint(
    operation_id="recordEvents",
    summary="Many events of one subscriber",
    body=BULK_BODY,
    by_status={
        200: ("Every event was recorded, or was there already.", BULK_ANSWER),
        207: ("Some events failed, each in its place; the others are recorded.", BULK_ANSWER),
    },
    examples=BULK_EXAMPLES,
)
describe_single = _endpoint(
    operation_id="recordEvent",
    summary="One event of one subscriber",
    body=SINGLE_BODY,
    by_status={200: ("The event was recorded, or was there already.", SINGLE_ANSWER)},
    examples=SINGLE_EXAMPLES,
)
describe_imports = _endpoint(
    operation_id="importEvents",
    summary="Many events of many subscribers",
    body=IMPORT_BODY,
    by_status={
        200: ("Every event was recorded, or was there already.", IMPORT_ANSWER),
        207: ("Some events failed, as `failures` says; the counts add up.", IMPORT_ANSWER),
    },
    examples=IMPORT_EXAMPLES,
)
