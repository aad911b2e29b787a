"""Files of sequences: YAML 1.2 or JSON, read as JSON values; `dump` writes what `load` reads back.

Of YAML only what JSON has: no anchors, no tags, only texts as keys, each once. Only `true` and
`false` are booleans, and a date or time of the day is text: YAML 1.1, which PyYAML reads, makes
`on` a boolean and 17:00 a number.
"""

import json
import re
from collections.abc import Hashable, Iterable
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.events import AliasEvent
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from subscribers.wire import json_gate

MOST_BYTES = 1024 * 1024
_STRING, _NULL, _BOOL, _INT, _FLOAT, _LIST, _OBJECT = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "null", "bool", "int", "float", "seq", "map")
)
# Types of plain scalars, by the core schema of YAML 1.2; a number that JSON lacks is text.
_PLAIN = (
    (_NULL, re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]),
    (_BOOL, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    (_INT, re.compile(r"-?(?:0|[1-9][0-9]{0,307})\Z"), list("-0123456789")),
    (
        _FLOAT,
        re.compile(r"-?(?:0|[1-9][0-9]{0,307})(?:\.[0-9]{1,307})?(?:[eE][-+]?[0-9]{1,3})?\Z"),
        list("-0123456789"),
    ),
)
# Some readers take them for line ends.
_ODD_BREAKS = re.compile("[\x85\u2028\u2029]")


class InvalidFile(ValueError):
    """The file is no readable list of sequences; the message says where."""

    code = "VALIDATION_ERROR"


def load(content: bytes) -> list[Any]:
    """Return the elements of a file's list; raises `InvalidFile`."""
    if len(content) > MOST_BYTES:
        raise InvalidFile(f"The file is larger than {MOST_BYTES // 1024} KiB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidFile(f"The file is not UTF-8 (byte {error.start + 1}).") from error
    loaded = _load_yaml(text) if (found := _load_json(text)) is None else found
    if not isinstance(loaded, list):
        raise InvalidFile("The file must be a list of sequences: each begins with a hyphen.")
    return loaded


def dump(elements: Iterable[Any]) -> str:
    """Return JSON values as YAML that `load` reads back; keeps texts of several lines readable."""
    return yaml.dump(
        list(elements),
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=100,
    )


def _load_json(text: str) -> object:
    """Return the JSON value; None for other text, which may be YAML.

    YAML alone would refuse tabs, and split the surrogate pairs in which JSON may write an emoji.
    """
    try:
        json_gate.decode(text.encode())
    except json_gate.InvalidJson:
        return None
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise InvalidFile(f"The file has {name!r} twice in one object.")
        made[name] = value
    return made


def _load_yaml(text: str) -> object:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except ReaderError as error:
        message = f"The file holds a control character (sign {error.position + 1})."
        raise InvalidFile(message) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise InvalidFile(f"{where}{said}.") from error


class _Resolver(BaseResolver):
    """Decides the type of a plain scalar."""


class _Loader(Reader, Scanner, Parser, Composer, SafeConstructor, _Resolver):
    """Makes JSON values only."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        _Resolver.__init__(self)
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse what JSON does not have, before it is constructed."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call] # PyYAML's
        mark = event.start_mark
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(None, None, "anchors and aliases are not allowed", mark)
        if getattr(event, "tag", None) not in {None, "!"}:
            raise yaml.MarkedYAMLError(None, None, "tags (!) are not allowed", mark)
        if self.depth > json_gate.DEEPEST:
            problem = f"it nests deeper than {json_gate.DEEPEST} levels"
            raise yaml.MarkedYAMLError(None, None, problem, mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's
    ) -> dict[Hashable, Any]:
        """Return an object whose keys are texts, each once."""
        made: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag != _STRING:
                problem = "the name of a field must be text: put it in quotes"
                raise yaml.MarkedYAMLError(None, None, problem, key_node.start_mark)
            if key_node.value in made:
                problem = f"{key_node.value!r} is there twice"
                raise yaml.MarkedYAMLError(None, None, problem, key_node.start_mark)
            made[key_node.value] = self.construct_object(value_node, deep=deep)
        return made


class _Dumper(yaml.SafeDumper):
    """Quotes texts that this reader or another would not read as text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's
        """Indent lists within objects."""
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if _ODD_BREAKS.search(text):
        style = '"'
    return dumper.represent_scalar(_STRING, text, style=style)


_Loader.yaml_constructors = {
    tag: SafeConstructor.yaml_constructors[tag]
    for tag in (_STRING, _NULL, _BOOL, _INT, _FLOAT, _LIST, _OBJECT)
}
for _tag, _pattern, _first_signs in _PLAIN:
    _Resolver.add_implicit_resolver(_tag, _pattern, _first_signs)
    _Dumper.add_implicit_resolver(_tag, _pattern, _first_signs)
_Dumper.add_representer(str, _represent_text)
