"""The kinds of steps in the words of the API, wherever it answers a node."""

from collections.abc import Mapping

# Of a step's word, the name that callers of the hosted product know.
NODE_TYPES: Mapping[str, str] = {
    "email": "action_email",
    "delay": "logic_delay",
    "wait_for_event": "logic_wait_for_event",
    "condition": "logic_condition",
    "split": "logic_split",
    "update_tags": "action_update_tags",
    "update_list": "action_update_list",
    "update_subscriber": "action_update_attributes",
    "webhook": "action_webhook",
    "exit": "exit",
}
