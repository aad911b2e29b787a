"""What a call takes: a dataclass; each field's type says how the value is read, and its schema.

    @inputs
    class NewList(Inputs):
        name: ListName
        is_private: Flag = False

A field without a default is needed. Null means "not given". Where the type has None and `UNSET` is
the default, null is a value of its own. `refuses_null` makes every other null a fault.
"""

import dataclasses
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from msgspec import UNSET

from subscribers.wire import json_gate
from subscribers.wire.nearest import did_you_mean
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest, type_name

Schema = dict[str, Any]
# The most unknown names that an answer lists.
MOST_UNKNOWN = 20


# By identity, since types with it are parts of unions, and a schema has no hash.
@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """How one value is read, as the metadata of a type.

    `reader` raises `InvalidField`, or `InvalidRequest` with paths inside the value.
    """

    reader: Callable[[Any], Any]
    schema: Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class InputField:
    name: str
    wire_name: str
    reads: Reads
    takes_null: bool
    refuses_null: bool
    default: Any

    @property
    def is_needed(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def schema(self) -> Schema:
        """Return the schema in a body, with null where that means a value or "not given"."""
        if self.is_needed or self.refuses_null:
            return self.reads.schema
        return self._with_default({"anyOf": [self.reads.schema, {"type": "null"}]})

    @property
    def query_schema(self) -> Schema:
        """Return the schema in a query, which has no null."""
        return self._with_default(self.reads.schema)

    def _with_default(self, schema: Schema) -> Schema:
        # Generated clients send it: only what a call does without the field may be named.
        is_plain = isinstance(self.default, str | int)
        return {**schema, "default": self.default} if is_plain else schema


class Inputs:
    """The base of what calls take."""

    # Names that callers of the hosted product send and that change nothing here: a warning.
    unused: ClassVar[frozenset[str]] = frozenset()
    # Null is refused in a field with `UNSET` as its default: it could be meant to clear it.
    refuses_null: ClassVar[bool] = False
    # Set by `inputs`.
    fields: ClassVar[tuple[InputField, ...]] = ()

    @classmethod
    def needs_any(cls) -> bool:
        """Tell whether something must be given."""
        return any(each.is_needed for each in cls.fields)

    def find_faults(self) -> Iterable[Fault]:
        """Return what is wrong with the fields together."""
        return ()


Taken = TypeVar("Taken", bound=Inputs)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def inputs(kind: type[Taken]) -> type[Taken]:
    """Make a class of inputs: a frozen dataclass that knows how each field is read."""
    made = dataclass(frozen=True, kw_only=True)(kind)
    hints = get_type_hints(made, include_extras=True)
    made.fields = tuple(
        _field(each.name, hints[each.name], each.default, refuses_null=made.refuses_null)
        for each in dataclasses.fields(made)  # type: ignore[arg-type] # it is one now
    )
    return made


def schema_of(kind: type[Inputs]) -> Schema:
    """Return the schema of a body; unknown fields are refused, or change nothing."""
    needed = [each.wire_name for each in kind.fields if each.is_needed]
    schema: Schema = {
        "type": "object",
        "properties": {each.wire_name: each.schema for each in kind.fields},
    }
    return {**schema, "required": needed} if needed else schema


def read(kind: type[Taken], raw: Mapping[str, Any], *, noun: str) -> tuple[Taken, list[Fault]]:
    """Return what a request gives, and warnings; `noun` says what one name is, such as a field.

    Raises `InvalidRequest` with every fault found.
    """
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for each in kind.fields:
        _read_field(each, raw, values, faults)
    known = {each.wire_name for each in kind.fields}
    warnings = check_names(raw, known, kind.unused, noun, faults)
    if not faults:
        taken = kind(**values)
        faults += taken.find_faults()
        if not faults:
            return taken, warnings
    raise InvalidRequest(*faults)


def _read_field(
    each: InputField, raw: Mapping[str, Any], values: dict[str, Any], faults: list[Fault]
) -> None:
    given = raw.get(each.wire_name)
    if given is not None:
        try:
            values[each.name] = each.reads.reader(given)
        except InvalidField as error:
            faults.append(Fault(each.wire_name, str(error)))
        except InvalidRequest as error:
            faults += [Fault(_inside(each.wire_name, it.path), it.message) for it in error.faults]
    elif each.is_needed:
        faults.append(Fault(each.wire_name, "is missing."))
    elif each.default is UNSET and each.wire_name in raw:
        if each.takes_null:
            values[each.name] = None
        elif each.refuses_null:
            faults.append(Fault(each.wire_name, "must not be null; leave it out to keep it."))


def object_of(kind: type[Taken]) -> Reads:
    """Return how an object within a request is read."""

    def reader(value: object) -> Taken:
        if not isinstance(value, Mapping):
            raise InvalidField(f"must be an object, not {type_name(value)}.")
        taken, _ = read(kind, value, noun="field")
        return taken

    return Reads(reader, schema_of(kind))


def array_of(each: Reads, *, most: int) -> Reads:
    """Return how an array is read whose items have faults of their own."""

    def reader(value: object) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidField(f"must be an array, not {type_name(value)}.")
        if len(value) > most:
            raise InvalidField(f"has {len(value)} elements; at most {most} are allowed.")
        found, faults = [], []
        for place, item in enumerate(value):
            try:
                found.append(each.reader(item))
            except InvalidField as error:
                faults.append(Fault(f"[{place}]", str(error)))
            except InvalidRequest as error:
                faults += [Fault(_inside(f"[{place}]", it.path), it.message) for it in error.faults]
        if faults:
            raise InvalidRequest(*faults)
        return found

    return Reads(reader, {"type": "array", "items": each.schema, "maxItems": most})


def _inside(outer: str, inner: str) -> str:
    return f"{outer}{inner}" if inner.startswith("[") else f"{outer}.{inner}"


def check_names(
    raw: Mapping[str, Any],
    known: Collection[str],
    unused: frozenset[str],
    noun: str,
    faults: list[Fault],
) -> list[Fault]:
    """Add names that nobody knows to the faults; return those that change nothing."""
    warnings = []
    for name in [each for each in raw if each not in known][:MOST_UNKNOWN]:
        path = json_gate.printable(name)
        if name in unused:
            warnings.append(Fault(path, "changes nothing here."))
        else:
            hint = did_you_mean(name, known) or "."
            faults.append(Fault(path, f"is not a {noun} of this call{hint}"))
    return warnings


def _field(name: str, hint: Any, default: Any, *, refuses_null: bool) -> InputField:  # noqa: ANN401 - any type
    reads, takes_null = _reads_of(hint)
    return InputField(
        name=name,
        wire_name=wire_name_of(name),
        reads=reads,
        takes_null=takes_null,
        refuses_null=refuses_null and default is UNSET and not takes_null,
        default=default,
    )


def wire_name_of(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)


def _reads_of(hint: Any) -> tuple[Reads, bool]:  # noqa: ANN401 - any type
    """Return a type's `Reads`, and whether it may be None."""
    parts = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
    for part in parts:
        if get_origin(part) is Annotated:
            for each in part.__metadata__:
                if isinstance(each, Reads):
                    return each, types.NoneType in parts
    raise TypeError(f"{hint} does not say how it is read.")
