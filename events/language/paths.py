"""Paths into JSON: `order.id`, and `order.items[].sku` for "any item of".

A path reaches any number of values. A null counts as not given.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from subscribers.wire.payloads import InvalidField, read_text

LONGEST_PATH = 200
MOST_PARTS = 10
ANY_ITEM = "[]"


def read_path(value: object) -> str:
    """Return a path of 1 to 200 characters, 1 to 10 keys with dots; raises `InvalidField`."""
    path = read_text(value, longest=LONGEST_PATH)
    parts = path.split(".")
    if len(parts) > MOST_PARTS:
        raise InvalidField(f"has {len(parts)} parts; at most {MOST_PARTS} are allowed.")
    keys = [part.removesuffix(ANY_ITEM) for part in parts]
    if not all(key.strip() and "[" not in key and "]" not in key for key in keys):
        raise InvalidField("must be keys separated by dots, such as order.id or order.items[].sku.")
    return path


def values_at(path: str, document: object) -> list[Any]:
    """Return all values that the path reaches, in order, without nulls; never raises.

    `[]` alone enters a list; an object is entered by its keys. Where nothing is found, the whole
    path may be one key of the document: some applications flatten what they send.
    """
    parts = path.split(".")
    found = _in_lists(parts, document) if ANY_ITEM in path else _by_keys(parts, document)
    if not found and len(parts) > 1 and isinstance(document, Mapping):
        whole = document.get(path)
        return [] if whole is None else [whole]
    return found


def _by_keys(keys: list[str], document: object) -> list[Any]:
    """Return the value that keys alone lead to: most paths, and lists compare them with many."""
    value: Any = document
    for key in keys:
        # The test for a mapping of another kind takes as long as all else here.
        if type(value) is not dict and not isinstance(value, Mapping):
            return []
        value = value.get(key)
    return [] if value is None else [value]


def _in_lists(parts: list[str], document: object) -> list[Any]:
    reached = [document]
    for part in parts:
        key = part.removesuffix(ANY_ITEM)
        reached = [each[key] for each in reached if isinstance(each, Mapping) and key in each]
        if part.endswith(ANY_ITEM):
            reached = [item for each in reached if isinstance(each, list) for item in each]
    return [each for each in reached if each is not None]


def below(path: str | None, key: str) -> str | None:
    """Return the path of a key in the object at a path ("" is the document), None if no path leads
    to it: keys with dots and brackets have none.
    """
    if path is None or "." in key:
        return None
    return _usable(f"{path}.{key}" if path else key)


def in_list(path: str | None) -> str | None:
    """Return the path of the items of the list at a path, None if no path leads to them."""
    return _usable(f"{path}{ANY_ITEM}") if path else None


def paths_in(document: object) -> Iterator[tuple[str, Any]]:
    """Yield each path in a document with a value there: scalars and lists, empty objects too.

    A path comes once for each value. Stored documents nest 20 deep at most.
    """
    yield from _paths_in(document, "")


def _paths_in(value: object, path: str | None) -> Iterator[tuple[str, Any]]:
    if path is None:
        return
    if isinstance(value, Mapping) and (value or not path):
        for key, each in value.items():
            yield from _paths_in(each, below(path, key))
        return
    yield path, value
    if isinstance(value, list):
        for each in value:
            yield from _paths_in(each, in_list(path))


def _usable(path: str) -> str | None:
    try:
        return path if read_path(path) == path else None
    except InvalidField:
        return None
