"""Where a sequence's texts may have merge tags: anywhere else they would stay as they stand."""

import re
from collections.abc import Iterator

from subscribers.templating import merge_tags
from subscribers.wire.payloads import Fault, InvalidField

_TAG = re.compile(r"\{\{|\{%")
# Fields whose own readers check their tags, and those that nobody fills in: free text.
_ALLOWED = frozenset({
    "subject", "previewText", "html", "body", "text", "fromName", "replyTo", "url", "headers",
    "attributes", "customAttributes", "customAttributeUpdates",
    "name", "description", "labels", "label",
})  # fmt: skip
NOT_FILLED = "has a merge tag, which is not filled in here."
IN_FILTER = (
    "has a merge tag, which is not filled in here: to compare with the event that began the "
    "enrollment, use entryPath."
)
NOT_ALONE = (
    "must be one merge tag alone, such as {{event.plan}}: its value is taken over with its type."
)


def has_tag(text: str) -> bool:
    return _TAG.search(text) is not None


def misplaced(value: object, *, path: str, faults: list[Fault]) -> Iterator[Fault]:
    """Yield a fault for each text with a merge tag where none is filled in.

    Fields that have a fault already are left out.
    """
    faulty = {fault.path for fault in faults}
    yield from (each for each in _misplaced(value, path, NOT_FILLED) if each.path not in faulty)


def check_template(text: str) -> str:
    """Return the template; raises `InvalidField` with the line of its first fault."""
    try:
        merge_tags.check(text)
    except merge_tags.TemplateFault as error:
        raise InvalidField(str(error)) from error
    return text


def check_value(value: object) -> object:
    """Return an attribute's new value, which may be one lone merge tag; raises `InvalidField`."""
    if isinstance(value, str) and has_tag(value):
        check_template(value)
        if not merge_tags.is_lone(value):
            raise InvalidField(NOT_ALONE)
    elif any(_misplaced(value, "", NOT_FILLED)):
        raise InvalidField(NOT_ALONE)
    return value


def _misplaced(value: object, path: str, message: str) -> Iterator[Fault]:
    if isinstance(value, str) and has_tag(value):
        yield Fault(path, message)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _misplaced(each, f"{path}[{number}]", message)
    elif isinstance(value, dict):
        # What starts a sequence is compared before there is an enrollment.
        may_use_entry = "operator" in value and not path.startswith("propertyFilters")
        for name, each in value.items():
            if name not in _ALLOWED:
                said = IN_FILTER if may_use_entry and name == "value" else message
                yield from _misplaced(each, f"{path}.{name}" if path else name, said)
