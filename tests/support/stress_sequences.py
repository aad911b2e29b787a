"""The sequences of the stress: every way in, every way of entering, steps that set off others."""

from typing import Any

MAIL = {"type": "email", "subject": "Hello", "text": "Hello {{subscriber.email}}."}
LAST_MAIL = {**MAIL, "id": "last"}
WAIT = {"type": "wait_for_event", "eventName": "purchased"}
SHORT = {"type": "delay", "delayMs": 500}
UNKNOWN_PLAN = {"type": "attribute", "path": "plan", "operator": "not_exists"}
IF_UNKNOWN = {"type": "condition", "rules": [UNKNOWN_PLAN]}
SEQUENCES: list[dict[str, Any]] = [
    {
        "name": "Welcome",
        "stopCondition": {"type": "event_received", "value": "cancelled"},
        "steps": [MAIL, WAIT, MAIL, {"type": "update_tags", "add": ["welcomed"]}, SHORT, LAST_MAIL],
    },
    {
        "name": "Customers",
        "trigger": "tag_added",
        "tagNames": ["customer"],
        "enrollmentMode": "one_time",
        "stopCondition": {"type": "tag_added", "value": "lead"},
        "steps": [MAIL, WAIT, LAST_MAIL],
    },
    {
        "name": "Orders",
        "eventName": "order",
        "enrollmentMode": "matching_field",
        "enrollmentFieldPath": "order.id",
        "steps": [SHORT, {**MAIL, "isTransactional": True}, IF_UNKNOWN, WAIT, LAST_MAIL],
    },
    {
        "name": "Welcomed",
        "trigger": "tag_added",
        "tagNames": ["welcomed", "vip"],
        "steps": [MAIL, {"type": "update_tags", "remove": ["welcomed", "vip"]}, LAST_MAIL],
    },
    {
        "name": "Goodbye",
        "trigger": "tag_added",
        "tagNames": ["goodbye"],
        "steps": [
            {"type": "update_tags", "remove": ["goodbye"]},
            {"type": "update_subscriber", "status": "unsubscribed"},
        ],
    },
]
