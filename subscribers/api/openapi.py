"""What the descriptions of several endpoints share in the OpenAPI document.

Endpoints parse bodies without serializers (`json_gate`, `payloads`), so schemas are written here; a
test sends every example of the document and checks the answers against it.
"""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from subscribers.api.base import LONGEST_IDEMPOTENCY_KEY

Schema = dict[str, Any]
MEDIA_TYPE = "application/json"


def record(properties: Schema, *, required: Sequence[str] = ()) -> Schema:
    """Return an object's schema; fields that it does not name change nothing."""
    schema: Schema = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


COMPONENTS: dict[str, Schema] = {}


def component(
    name: str, properties: Schema, *, required: Sequence[str] = (), description: str = ""
) -> Schema:
    """Give an object's schema a name, which generated clients take over; return its reference."""
    schema = record(properties, required=required)
    COMPONENTS[name] = {**schema, "description": description} if description else schema
    return {"$ref": f"#/components/schemas/{name}"}


def listing(items: Schema, **limits: object) -> Schema:
    return {"type": "array", "items": items, **limits}


def text(description: str, **limits: object) -> Schema:
    return {"type": "string", "description": description, **limits}


def optional(schema: Schema) -> Schema:
    """Return the schema of a field that may be null, which means: not given."""
    return {**schema, "type": [schema["type"], "null"]}


def public_id(prefix: str) -> Schema:
    return {"type": "string", "pattern": f"^{prefix}_[0-9a-f]{{32}}$"}


def only_true(description: str) -> Schema:
    """Return the schema of a flag that is absent where it is not true.

    `const` would say more, but openapi-python-client 0.29 makes broken code of it.
    """
    return {"type": "boolean", "description": f"{description} Absent otherwise."}


FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MOMENT: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "ISO 8601 with an offset; answered in UTC with `Z`.",
}
SUCCESS: Schema = {"type": "boolean", "description": "Whether all of the request was done."}
FAULT = component(
    "Fault",
    {
        "path": text("Where the fault is, such as `events[3].name`."),
        "message": text("A sentence that names the fault and the limit."),
    },
    required=["path", "message"],
)
ERROR = component(
    "Error",
    {
        "success": {"const": False},
        "error": record(
            {
                "code": text("Stable, in upper case."),
                "message": text("A sentence that names field, fault and limit."),
                "details": listing(FAULT),
            },
            required=["code", "message"],
        ),
        "requestId": text("As in the header `X-Request-Id` and in the log."),
        "outcome": {
            "const": "unknown",
            "description": "Only with 503: the connection broke during the commit.",
        },
    },
    required=["success", "error", "requestId"],
)
_ERRORS = {
    400: "`INVALID_JSON` or `VALIDATION_ERROR`: nothing was done.",
    401: "`UNAUTHORIZED`: no key, or one that is unknown, revoked or expired.",
    403: "`FORBIDDEN`: the key lacks the scope.",
    404: "`SUBSCRIBER_NOT_FOUND` or `NOT_FOUND`.",
    409: "`IDENTITY_CONFLICT` or `IDEMPOTENCY_IN_PROGRESS`: nothing was recorded.",
    412: "`PRECONDITION_FAILED`: the `ETag` in `If-Match` is not the present one.",
    413: "`PAYLOAD_TOO_LARGE`.",
    415: "`UNSUPPORTED_MEDIA_TYPE`.",
    422: "`IDEMPOTENCY_MISMATCH`: the same key with another body.",
    429: "`RATE_LIMITED`, with `Retry-After`.",
    500: "`INTERNAL`: nothing was recorded.",
    503: "`UNAVAILABLE`, with `Retry-After`: the database is away.",
}
READING_ERRORS = (400, 401, 403, 404, 429, 500, 503)
WRITING_ERRORS = tuple(_ERRORS)


def answers(by_status: dict[int, tuple[str, Schema]], *, errors: Sequence[int]) -> dict[int, Any]:
    """Return an endpoint's responses: its own (description, schema), and the errors."""
    own = {
        status: OpenApiResponse(schema, description)
        for status, (description, schema) in by_status.items()
    }
    return own | {status: OpenApiResponse(ERROR, _ERRORS[status]) for status in errors}


REQUEST_ID = OpenApiParameter(
    name="X-Request-Id",
    type={"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    location=OpenApiParameter.HEADER,
    description="Given back with the answer and written to the log; else Cueline makes one.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    type={"type": "string", "minLength": 1, "maxLength": LONGEST_IDEMPOTENCY_KEY},
    location=OpenApiParameter.HEADER,
    description="The first answer is kept for 24 hours and given again, to the same API key, with"
    " `Idempotency-Replayed: true`. Not together with `dryRun`.",
)
IF_MATCH = OpenApiParameter(
    name="If-Match",
    type={"type": "string"},
    location=OpenApiParameter.HEADER,
    description="The `ETag` of an earlier answer: another change since then is a 412.",
)
DRY_RUN = OpenApiParameter(
    name="dryRun",
    type={"type": "boolean", "default": False},
    location=OpenApiParameter.QUERY,
    description="Answers the same, plus `dryRun` and `effects`, and keeps nothing.",
)
RATE_LIMIT_HEADERS = [
    OpenApiParameter(
        name=f"RateLimit-{name}",
        type={"type": "integer"},
        location=OpenApiParameter.HEADER,
        description=description,
        response=[200],
    )
    for name, description in (
        ("Limit", "Requests a minute."),
        ("Remaining", "What is left of them."),
        ("Reset", "Seconds until the next minute."),
    )
]


class PathSchema(AutoSchema):
    """Names a call by its method and path: `patchSubscribersByEmail`."""

    def get_operation_id(self) -> str:
        words = [self.method.lower()]
        for part in self.path.removeprefix("/api/v1/").split("/"):
            text = f"by_{part[1:-1]}" if part.startswith("{") else part
            words += [word.title() for word in text.replace("-", "_").split("_")]
        return "".join(words)


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    target_class = "subscribers.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of a workspace, made in the admin or by `create_api_key`.",
        }
