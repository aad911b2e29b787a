"""A condition on properties as it is typed in a list's filter: `plan = pro`."""

import re

from events.admin.sequence_editor.lines import value_in
from events.language.filters import Filter, Operator, parse_filter
from subscribers.wire.payloads import InvalidRequest

OPERATORS = {
    "!=": Operator.NOT_EQUALS,
    "=": Operator.EQUALS,
    ">": Operator.GREATER_THAN,
    "<": Operator.LESS_THAN,
    "~": Operator.CONTAINS,
}
_PARTS = re.compile(r"([^=<>~!]+?)\s*(!=|=|>|<|~)\s*(.*)", re.DOTALL)
_SIGN = re.compile("[=<>~!]")


class NotACondition(ValueError):
    """A text that is no condition; its words say what is wrong."""


def parse(text: str) -> Filter:
    """Return the condition: `path = value`, also `!=`, `>`, `<` and `~` (contains), or a path
    alone, which must exist. Raises `NotACondition`.

    true, false and numbers are themselves; texts may be in double quotes, and must be if they look
    like one of those.
    """
    matched = _PARTS.fullmatch(text.strip())
    if matched is None and _SIGN.search(text):
        raise NotACondition("it must begin with a path, such as: plan = pro.")
    path, sign, value = matched.groups() if matched else (text.strip(), "", "")
    raw: dict[str, object] = {"path": path, "operator": OPERATORS.get(sign, Operator.EXISTS).value}
    if sign:
        raw["value"] = value_in(value)
    try:
        return parse_filter(raw, path="")
    except InvalidRequest as error:
        raise NotACondition(str(error)) from error
