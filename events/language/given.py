"""What callers give for a sequence, with a record of what the parsers used: the rest is refused.

Only callers' objects are recorded. A stored row may have words of an older or newer release.
"""

from collections.abc import Iterator
from typing import Any

from subscribers.wire.nearest import did_you_mean
from subscribers.wire.payloads import Fault

# A fault here decides which fields an object has, so the other names cannot be judged.
_DECIDING = ("type", "nodeType", "trigger", "enrollmentMode", "mode", "operator")
NOT_USED = "is not used here."


class Given(dict[str, Any]):
    """One object with the names that its parser asked for; `path` is None until it is parsed."""

    path: str | None = None

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__((name, recorded(value)) for name, value in fields.items())
        self.used: set[str] = set()
        # Why it would not be used, by the name of a field that such an object may have.
        self.known: dict[str, str] = {}


def recorded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a JSON value with each object as `Given`."""
    if isinstance(value, dict):
        return Given(value)
    return [recorded(each) for each in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a JSON value without records."""
    if isinstance(value, Given):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def unused(value: object, *, faults: list[Fault]) -> Iterator[Fault]:
    """Yield a fault for each name in a recorded value that its parser did not use.

    An object whose parser did not run, or whose kind is among the `faults`, is left out.
    """
    if isinstance(value, list):
        for each in value:
            yield from unused(each, faults=faults)
    if not isinstance(value, Given) or value.path is None:
        return
    start = f"{value.path}." if value.path else ""
    faulty = {fault.path for fault in faults}
    if faulty.isdisjoint(f"{start}{name}" for name in _DECIDING):
        for name in value:
            if name not in value.used and value[name] is not None and start + name not in faulty:
                yield Fault(start + name, _message(name, value))
    for each in value.values():
        yield from unused(each, faults=faults)


def _message(name: str, owner: Given) -> str:
    if name in owner.known:
        return owner.known[name]
    meant = did_you_mean(name, sorted(owner.used)) or did_you_mean(name, sorted(owner.known))
    return f"is unknown{meant or '.'}"
