"""What every kind of step has, and what other modules ask of a step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import msgspec
from msgspec.structs import replace

from events.language.fields import Fields
from events.language.filters import Filter
from subscribers.wire.payloads import Fault

# In place of a later step's id.
EXIT = "exit"
LONGEST_ID = 64
MOST_NAMES = 50


class BaseStep(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A step without its own fields; a kind overrides what is different for it.

    `id` is unique in the sequence and kept by editing: 1 to 64 of `[A-Za-z0-9_-]`.
    """

    kind: ClassVar[str]
    # Changes, sends and calls nothing: an enrollment may begin it anew.
    is_harmless: ClassVar[bool] = False
    # Lasts until a time or an event.
    is_wait: ClassVar[bool] = False

    # May name the step that follows.
    has_next: ClassVar[bool] = True

    id: str = ""
    label: str = ""
    # The id of a later step, or `EXIT`; "" is the one after it in the list.
    next: str = ""

    @classmethod
    def read(cls, fields: Fields) -> Self:  # noqa: ARG003 - for kinds with fields
        """Return the step without id, label and next; faults are kept in the fields."""
        return cls()

    def check_sent(self, fields: Fields) -> None:
        """Keep the faults that only callers are refused for; a stored step is still read."""

    def as_wire(self) -> dict[str, Any]:
        """Return the step as `read` takes it and as it is stored, without defaults."""
        parts: dict[str, Any] = {"type": self.kind}
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            makes_default = field.default_factory is not msgspec.NODEFAULT
            default = field.default_factory() if makes_default else field.default
            if value != default:
                parts[field.encode_name] = list(value) if isinstance(value, tuple) else value
        return parts

    @property
    def is_urgent(self) -> bool:
        """Whether it sends transactional mail: before other mail, to unsubscribed people too."""
        return False

    @property
    def texts(self) -> Sequence[str]:
        """The texts with merge tags of the mail that it sends; () when it sends none."""
        return ()

    @property
    def templates(self) -> Sequence[str]:
        """The texts with merge tags of whatever it sends."""
        return self.texts

    @property
    def filters_used(self) -> Sequence[Filter]:
        """The filters that it compares events, attributes and properties with."""
        return ()

    @property
    def event_names(self) -> Sequence[str]:
        """The names of events that it waits for or asks about."""
        return ()

    @property
    def tags(self) -> Sequence[str]:
        """The tags that it reads or changes."""
        return ()

    @property
    def lists(self) -> Sequence[tuple[str, str]]:
        """The lists that it reads or changes, each after the field that names it."""
        return ()

    def with_lists(self, named: Callable[[str], str]) -> Self:  # noqa: ARG002 - for kinds that name lists
        """Return the step with each list's new name; a name comes once."""
        return self

    @property
    def jumps(self) -> Mapping[str, str]:
        """The ids of later steps that it may lead to, or `EXIT`, by field."""
        return {"next": self.next} if self.next else {}

    def with_jumps(self, moved: Callable[[str], str]) -> Self:
        """Return the step with each jump's new target."""
        return replace(self, next=moved(self.next)) if self.next else self


def read_pair(
    fields: Fields, one: str, other: str, reader: Callable[[object], str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the names in two fields; a fault when there is none, or one that is in both."""
    some = fields.read_items(one, reader, most=MOST_NAMES)
    others = fields.read_items(other, reader, most=MOST_NAMES)
    if not fields.faults and not some and not others:
        fields.faults.append(Fault(fields.path, f"changes nothing: give {one} or {other}."))
    for name in some if not fields.faults else ():
        if name in others:
            fields.fault(other, f"names {name!r}, which is in {one} too.")
    return some, others


def each_once(names: Sequence[str], named: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(named, names)))
