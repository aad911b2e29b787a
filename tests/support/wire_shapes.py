"""Holds answers against shapes written as the table of the wire writes them.

    subscriber!{id!,email!,firstName,tags[str],createdAt!:time}, total:int, duplicate?:bool

A field is a string unless it says otherwise: `:int`, `:num`, `:bool`, `:time`, `:any`, `{…}`,
`[…]`, `:one|of|these`, or the name of another shape. `!`: there and not null. Without a sign it is
there, perhaps null. `?`: perhaps not there. `...Name` takes the fields of another shape. A field
that the shape does not have passes, as it passes typed clients.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

WORDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "num": (int, float),
    "bool": (bool,),
    "time": (str,),
    "any": (str, int, float, bool, list, dict),
}
TOKENS = re.compile(r"\s+|(\.\.\.\w+|[A-Za-z_]\w*|[-!?:,{}\[\]|])")


@dataclass(frozen=True)
class Kind:
    """What a value must be: a word, an object, or a list of a kind."""

    word: str = ""
    choices: tuple[str, ...] = ()
    fields: Mapping[str, "Field"] | None = None
    items: "Kind | None" = None


@dataclass(frozen=True)
class Field:
    sign: str
    kind: Kind


@dataclass
class Reader:
    """Reads one shape; `named` are those that it may use."""

    text: str
    named: Mapping[str, str]
    tokens: list[str] = field(default_factory=list)

    def read(self) -> Kind:
        ends = [0, *(found.end() for found in TOKENS.finditer(self.text))]
        covered = all(TOKENS.fullmatch(self.text, start, end) for start, end in pairwise(ends))
        assert covered, self.text
        assert ends[-1] == len(self.text), self.text
        self.tokens = [each for each in TOKENS.findall(self.text) if each]
        made = self._object("")
        assert not self.tokens, (self.text, self.tokens)
        return made

    def _object(self, end: str) -> Kind:
        fields: dict[str, Field] = {}
        while self.tokens and self.tokens[0] != end:
            name = self.tokens.pop(0)
            if name.startswith("..."):
                fields |= Reader(self.named[name[3:]], self.named).read().fields or {}
            else:
                assert name.isidentifier(), (self.text, name)
                sign = self.tokens.pop(0) if self._next() in {"!", "?"} else ""
                fields[name] = Field(sign, self._kind())
            if self._next() == ",":
                self.tokens.pop(0)
        return Kind(fields=fields)

    def _kind(self) -> Kind:
        match self._next():
            case "{":
                return self._braced()
            case "[":
                return self._list()
            case ":":
                self.tokens.pop(0)
                return self._word()
        return Kind("str")

    def _braced(self) -> Kind:
        self.tokens.pop(0)
        made = self._object("}")
        assert self.tokens.pop(0) == "}", self.text
        return made

    def _list(self) -> Kind:
        self.tokens.pop(0)
        items = Kind("any")
        if self._next() == "{":
            items = self._braced()
        elif self._next() != "]":
            items = self._word()
        assert self.tokens.pop(0) == "]", self.text
        return Kind("list", items=items)

    def _word(self) -> Kind:
        words = [self.tokens.pop(0)]
        while self._next() == "|":
            self.tokens.pop(0)
            words.append(self.tokens.pop(0))
        if len(words) > 1:
            return Kind("str", choices=tuple(words))
        (word,) = words
        return Kind(word) if word in WORDS else Reader(self.named[word], self.named).read()

    def _next(self) -> str:
        return self.tokens[0] if self.tokens else ""


def faults_of(value: object, kind: Kind, path: str = "") -> Iterator[str]:
    """Yield where a value differs from a shape."""
    if kind.fields is not None:
        if not isinstance(value, dict):
            yield f"{path} is {value!r}, not an object"
            return
        for name, each in kind.fields.items():
            yield from _faults_of_field(value, name, each, f"{path}.{name}".strip("."))
    elif kind.items is not None:
        if not isinstance(value, list):
            yield f"{path} is {value!r}, not an array"
            return
        for place, item in enumerate(value):
            yield from faults_of(item, kind.items, f"{path}[{place}]")
    elif type(value) not in WORDS[kind.word]:
        yield f"{path} is {value!r}, not {kind.word}"
    elif kind.choices and value not in kind.choices:
        yield f"{path} is {value!r}, not one of {kind.choices}"
    elif kind.word == "time" and not _is_time(str(value)):
        yield f"{path} is {value!r}, not a time in UTC"


def _faults_of_field(holder: Mapping[str, Any], name: str, each: Field, path: str) -> Iterator[str]:
    if name not in holder:
        if each.sign != "?":
            yield f"{path} is not there"
    elif holder[name] is not None:
        yield from faults_of(holder[name], each.kind, path)
    elif each.sign == "!":
        yield f"{path} is null"


def _is_time(text: str) -> bool:
    try:
        return text.endswith("Z") and datetime.fromisoformat(text).utcoffset() is not None
    except ValueError:
        return False
