"""The examples in the OpenAPI document of the calls that take events; a test sends each request."""

from drf_spectacular.utils import OpenApiExample

_ADA = {"email": "ada@example.com", "externalId": "user_1", "firstName": "Ada"}
_ORDER = {"order": {"id": "A-7", "total": 19.5}}


def _sent(name: str, value: object) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _answered(name: str, value: object, *, status: int = 200) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[str(status)])


_SUBSCRIBER = {
    "id": "sub_0192f0c2a5b47c3d8e9f001122334455",
    "email": "ada@example.com",
    "externalId": "user_1",
    "created": True,
}
_RECORDED = {
    "id": "evt_0192f0c2a5b47c3d8e9f001122334456",
    "name": "signed_up",
    "definitionCreated": True,
}
BULK_EXAMPLES = [
    _sent(
        "Two things that Ada did",
        {
            **_ADA,
            "customAttributes": {"plan": "pro"},
            "events": [
                {"name": "signed_up", "eventId": "signup-1"},
                {"name": "order.placed", "properties": _ORDER, "eventId": "order-A-7"},
            ],
        },
    ),
    _sent(
        "Somebody who left signs up again",
        {
            "email": "ada@example.com",
            "timezone": "Europe/Berlin",
            "resubscribe": True,
            "events": [{"name": "signed_up"}],
        },
    ),
    _sent("A known person by the caller's id", {"externalId": "user_1", "events": [{"name": "x"}]}),
    _answered("All recorded", {"success": True, "subscriber": _SUBSCRIBER, "events": [_RECORDED]}),
    _answered(
        "One of two failed",
        {
            "success": False,
            "subscriber": _SUBSCRIBER,
            "events": [
                _RECORDED,
                {
                    "index": 1,
                    "name": None,
                    "error": {
                        "code": "VALIDATION_ERROR",
                        "message": "events[1].name is missing: a string of 1-200 characters.",
                    },
                },
            ],
            "error": {
                "code": "PARTIAL_FAILURE",
                "message": "1 of 2 events failed and can be sent again once mended;"
                " the others are recorded.",
            },
        },
        status=207,
    ),
]
SINGLE_EXAMPLES = [
    _sent("An order", {**_ADA, "event": "order.placed", "properties": _ORDER, "eventId": "A-7"}),
    _answered("Recorded", {"success": True, "subscriber": _SUBSCRIBER, "event": _RECORDED}),
]
IMPORT_EXAMPLES = [
    _sent(
        "Two people's sign-ups",
        {
            "events": [
                {"name": "signed_up", "eventId": "signup-1", "email": "ada@example.com"},
                {"name": "signed_up", "eventId": "signup-2", "email": "bob@example.com"},
            ]
        },
    ),
    _answered(
        "Both recorded",
        {
            "success": True, "total": 2, "recorded": 2, "duplicates": 0, "failed": 0,
            "failures": [], "sideEffectFailed": 0, "sideEffectFailures": [], "subscribers": 2,
        },
    ),
    _answered(
        "One of two failed",
        {
            "success": False, "total": 2, "recorded": 1, "duplicates": 0, "failed": 1,
            "failures": [
                {
                    "index": 1,
                    "error": "events[1] No subscriber has this externalId; give an email to"
                    " create one.",
                    "code": "SUBSCRIBER_NOT_FOUND",
                }
            ],
            "sideEffectFailed": 0, "sideEffectFailures": [], "subscribers": 2,
            "error": "1 of 2 events failed; the others are recorded.",
        },
        status=207,
    ),
]  # fmt: skip
