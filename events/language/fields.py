"""Reads objects of a request field by field, so that all faults are reported together.

A reader takes one value and raises `InvalidField`; a parser takes a value and its `path`, and
raises `InvalidRequest`. An absent or null field counts as not given.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from events.language.given import NOT_USED, Given, plain
from subscribers.wire import json_gate
from subscribers.wire.payloads import (
    Fault,
    InvalidField,
    InvalidRequest,
    read_name,
    read_text,
    type_name,
)

Value = TypeVar("Value")
Item = TypeVar("Item", bound=Hashable)


class Fields:
    """One object's fields; keeps each fault until `raise_faults`. An object that is stored keeps
    names that an older release took. What no method reads of a recorded object is refused later.
    """

    def __init__(self, raw: object, *, path: str, is_stored: bool = False) -> None:
        """Raise `InvalidRequest` for anything but an object."""
        if not isinstance(raw, Mapping):
            raise InvalidRequest(Fault(path, f"must be an object, not {type_name(raw)}."))
        self.raw: Mapping[str, Any] = raw
        self.path = path
        self.is_stored = is_stored
        self.faults: list[Fault] = []
        if isinstance(raw, Given):
            raw.path = path

    def is_given(self, name: str) -> bool:
        """Return whether a field is given, which does not yet use it."""
        self.know(name)
        return self.raw.get(name) is not None

    def first_given(self, *names: str) -> str:
        """Return the first of a field's names that is given, else the first of all."""
        self.know(*names)
        return next((name for name in names if self.is_given(name)), names[0])

    def get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Use a field, and return it as it is given."""
        if isinstance(self.raw, Given):
            self.raw.used.add(name)
        return self.raw.get(name)

    def know(self, *names: str, reason: str = NOT_USED) -> None:
        """Record fields that such an object may have, and why one is refused if it stays unused."""
        if isinstance(self.raw, Given):
            self.raw.known |= {name: reason for name in names if name not in self.raw.known}

    def read(self, name: str, reader: Callable[[Any], Value], default: Value) -> Value:
        """Return a field, or the default when it is not given or wrong."""
        given = plain(self.get(name))
        if given is None:
            return default
        try:
            return reader(given)
        except InvalidField as error:
            self.fault(name, str(error))
            return default

    def read_needed(self, name: str, reader: Callable[[Any], Value], default: Value) -> Value:
        """Return a required field, or the default when it is not given or wrong."""
        if not self.is_given(name):
            self.fault(name, "is missing.")
        return self.read(name, reader, default)

    def read_needed_name(self, name: str, *, longest: int) -> str:
        """Return a required name that people compare by eye."""
        reader = text_reader(longest) if self.is_stored else name_reader(longest)
        return self.read_needed(name, reader, "")

    def read_nested(self, name: str, parser: Callable[..., Value], default: Value) -> Value:
        """Return the parser's result, and keep its faults at their own paths."""
        given = self.get(name)
        return self.collect(lambda: parser(given, path=self.path_of(name)), default)

    def read_items(
        self, name: str, reader: Callable[[Any], Item], *, most: int
    ) -> tuple[Item, ...]:
        """Return an array's items, each once, in order; () when it is not given."""
        given = plain(self.get(name))
        if given is None:
            return ()
        if not isinstance(given, list):
            self.fault(name, f"must be an array, not {type_name(given)}.")
            return ()
        if len(given) > most:
            self.fault(name, f"has {len(given)} elements; at most {most} are allowed.")
            return ()
        found: list[Item] = []
        for number, each in enumerate(given):
            try:
                found.append(reader(each))
            except InvalidField as error:
                self.fault(f"{name}[{number}]", str(error))
        return tuple(dict.fromkeys(found))

    def read_choice(self, name: str, choices: Sequence[str], default: str) -> Any:  # noqa: ANN401 - a Literal
        """Return one of the words, or the default when it is not given or wrong."""
        given = plain(self.get(name))
        if given is None:
            return default
        if given in choices:
            return given
        self.fault(name, f"must be {any_of(choices)}.")
        return default

    def collect(self, make: Callable[[], Value], default: Value) -> Value:
        """Return the result of `make`, or keep the faults that it raises."""
        try:
            return make()
        except InvalidRequest as error:
            self.faults += error.faults
            return default

    def path_of(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, message: str) -> None:
        self.faults.append(Fault(self.path_of(name), message))

    def raise_faults(self) -> None:
        """Raise `InvalidRequest` with all faults, if there are any."""
        if self.faults:
            raise InvalidRequest(*self.faults)


def parse_each(
    raw: object, *, path: str, parser: Callable[..., Value], least: int = 0, most: int
) -> tuple[Value, ...]:
    """Return an array's elements, each parsed at its own path; null is an empty array.

    Raises `InvalidRequest` with the faults of all elements.
    """
    listed = [] if raw is None else raw
    if not isinstance(listed, list):
        raise InvalidRequest(Fault(path, f"must be an array, not {type_name(listed)}."))
    if not least <= len(listed) <= most:
        message = f"has {len(listed)} elements; {least} to {most} are allowed."
        raise InvalidRequest(Fault(path, message))
    found: list[Value] = []
    faults: list[Fault] = []
    for number, each in enumerate(listed):
        try:
            found.append(parser(each, path=f"{path}[{number}]"))
        except InvalidRequest as error:
            faults += error.faults
    if faults:
        raise InvalidRequest(*faults)
    return tuple(found)


def any_of(words: Iterable[str]) -> str:
    """Return the words as `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def text_reader(longest: int) -> Callable[[object], str]:
    """Return a reader of texts of 1 to `longest` characters, trimmed."""
    return lambda value: read_text(value, longest=longest)


def name_reader(longest: int) -> Callable[[object], str]:
    """Return a reader of texts that people compare by eye."""
    return lambda value: read_name(value, longest=longest)


def optional_text_reader(longest: int) -> Callable[[object], str]:
    """Return a reader of texts of 0 to `longest` characters, trimmed."""

    def reader(value: object) -> str:
        is_blank = isinstance(value, str) and not value.strip()
        return "" if is_blank else read_text(value, longest=longest)

    return reader


def whole_number_reader(least: int, most: int) -> Callable[[object], int]:
    """Return a reader of whole numbers in a range; 2.0 is one."""

    def reader(value: object) -> int:
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise InvalidField(f"must be a whole number from {least} to {most}.")
        return number

    return reader


def read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidField(f"must be true or false, not {type_name(value)}.")
    return value


def read_storable(value: object) -> str:
    """Return the text unchanged; refuses what a database cannot store."""
    if not isinstance(value, str):
        raise InvalidField(f"must be a string, not {type_name(value)}.")
    fault = json_gate.find_unstorable(value)
    if fault:
        raise InvalidField(f"cannot be stored: it holds {fault}.")
    return value
