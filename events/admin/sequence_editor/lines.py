"""Filters, rules and attributes as typed lines, to the wire form and back.

`plan.name equals pro` is a filter, `cartId equals entry:cartId` compares with the event that began
the enrollment, `no_tag vip` is a rule, `plan = pro` an attribute. A value that has no plain line is
written as JSON, so every value comes back unchanged. A faulty line is passed on: the wire's parser
says what is missing.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from events.language.fields import any_of
from events.language.filters import WITHOUT_VALUE, Operator

OPERATORS = [operator.value for operator in Operator]
_FILTER = re.compile(
    rf"(?P<path>.+?)\s+(?P<operator>{'|'.join(OPERATORS)})(?:\s+(?P<value>.*))?", re.DOTALL
)
ENTRY = "entry:"
# More digits are a name; Python reads no more than 4,300.
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_SAYS = {"true": True, "false": False, "null": None}
_RULE_FIELDS = {"tag": "tag", "no_tag": "tag", "list": "list", "no_list": "list"}
_EVENT_RULES = {
    "did_event": {},
    "did_not_event": {},
    "did_event_ever": {"since": "ever"},
    "did_not_event_ever": {"since": "ever"},
}
_FILTER_RULES = ("attribute", "event_property")
RULE_WORDS = (*_RULE_FIELDS, *_FILTER_RULES, *_EVENT_RULES)


class UnreadableLine(ValueError):
    """A line has no meaning; the message is a sentence."""


def filters_from(text: str) -> list[Any]:
    """Return the filters of some lines; raises `UnreadableLine`."""
    return _each_line(text, _filter_from, "such as: plan.name equals pro", needs=OPERATORS)


def filter_lines(filters: Iterable[Any]) -> str:
    """Return lines that `filters_from` reads as the same filters."""
    return "\n".join(_line(each, _filter_line, _filter_from) for each in filters)


def rules_from(text: str) -> list[Any]:
    """Return the rules of some lines; raises `UnreadableLine`."""
    return _each_line(text, _rule_from, "such as: tag vip", begins_with=RULE_WORDS)


def event_names_in(text: str) -> list[str]:
    """Return the events that the rules of some lines ask for."""
    try:
        return [str(rule["eventName"]) for rule in rules_from(text) if rule.get("eventName")]
    except UnreadableLine:
        return []


def rule_lines(rules: Iterable[Any]) -> str:
    """Return lines that `rules_from` reads as the same rules."""
    return "\n".join(_line(each, _rule_line, _rule_from) for each in rules)


def attributes_from(text: str) -> dict[str, Any]:
    """Return new values by name; null removes one; raises `UnreadableLine`."""
    found: dict[str, Any] = {}
    for each in _each_line(text, _attribute_from, "such as: plan = pro"):
        found.update(each)
    return found


def attribute_lines(attributes: dict[str, Any]) -> str:
    """Return lines that `attributes_from` reads as the same attributes."""
    pairs = [{name: value} for name, value in attributes.items()]
    return "\n".join(_line(each, _attribute_line, _attribute_from) for each in pairs)


def branches_from(text: str) -> list[dict[str, Any]]:
    """Return the branches of a split: a weight, a step's id and a name on each line."""
    return _each_line(text, _branch_from, "such as: 70 short-mail a")


def branch_lines(branches: list[dict[str, Any]]) -> str:
    return "\n".join(_line(each, _branch_line, _branch_from) for each in branches)


def headers_from(text: str) -> dict[str, str]:
    """Return the headers of some lines, value by name; raises `UnreadableLine`."""
    found: dict[str, str] = {}
    for each in _each_line(text, _header_from, "such as: Authorization: Bearer abc"):
        found |= each
    return found


def header_lines(headers: dict[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def names_from(text: str, *, separator: str = ",") -> list[str]:
    return [name.strip() for name in text.split(separator) if name.strip()]


def _each_line(
    text: str,
    read: Callable[[str], Any],
    example: str,
    *,
    begins_with: Collection[str] = (),
    needs: Iterable[str] = (),
) -> list[Any]:
    """Return what each line says; the words that it may begin with, or needs, are for errors."""
    found = []
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines())), start=1):
        value = _json_object(line) if line.startswith("{") else read(line)
        if isinstance(value, dict):
            found.append(value)
            continue
        word = line.partition(" ")[0]
        if not begins_with or line.startswith("{"):
            hint = f" After the path comes {any_of(needs)}." if needs else ""
            raise UnreadableLine(f"Line {number} must be {example}, or a JSON object.{hint}")
        if word in begins_with:
            needed = f"a path, one of {any_of(OPERATORS)}, and a value"
            raise UnreadableLine(f"Line {number}: after {word} comes {needed}.")
        words = any_of(begins_with)
        raise UnreadableLine(
            f"Line {number}: {word[:40]!r} is no rule. A line begins with {words}."
        )
    return found


def _line(value: Any, write: Callable[[Any], str], read: Callable[[str], Any]) -> str:  # noqa: ANN401 - JSON
    """Return the plain line when it means the same, else JSON."""
    line = write(value)
    is_plain = line == line.strip() and not line.startswith("{") and len(line.splitlines()) == 1
    return line if is_plain and is_same(read(line), value) else _as_json(value)


def _branch_from(line: str) -> dict[str, Any] | None:
    weight, _, rest = line.partition(" ")
    target, _, name = rest.strip().partition(" ")
    if not target:
        return None
    found: dict[str, Any] = {"weight": value_in(weight), "next": target}
    return {**found, "id": name.strip()} if name.strip() else found


def _branch_line(branch: dict[str, Any]) -> str:
    return " ".join(str(branch[name]) for name in ("weight", "next", "id") if name in branch)


def _header_from(line: str) -> dict[str, str] | None:
    name, _, value = line.partition(":")
    return {name.strip(): value.strip()} if name.strip() and value.strip() else None


def _filter_from(line: str) -> dict[str, Any] | None:
    match = _FILTER.fullmatch(line)
    if match is None:
        return None
    found: dict[str, Any] = {"path": match["path"].strip(), "operator": match["operator"]}
    text = (match["value"] or "").strip()
    if match["operator"] in WITHOUT_VALUE or not text:
        return {**found, "value": text} if text else found
    if text.startswith(ENTRY):
        return {**found, "entryPath": text.removeprefix(ENTRY).strip()}
    return {**found, "value": compared_in(match["operator"], text)}


def _filter_line(wanted: dict[str, Any]) -> str:
    words = [str(wanted.get("path")), str(wanted.get("operator"))]
    if wanted.get("entryPath"):
        words.append(f"{ENTRY}{wanted['entryPath']}")
    elif wanted.get("value") is not None:
        words.append(value_text(wanted["value"]))
    return " ".join(words)


def _rule_from(line: str) -> dict[str, Any] | None:
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    if word in _RULE_FIELDS:
        return {"type": word, _RULE_FIELDS[word]: rest}
    if word in _EVENT_RULES:
        return {"type": word.removesuffix("_ever"), "eventName": rest, **_EVENT_RULES[word]}
    if word in _FILTER_RULES:
        found = _filter_from(rest)
        return {"type": word, **found} if found else None
    return None


def _rule_line(rule: dict[str, Any]) -> str:
    kind = str(rule.get("type"))
    if kind in _RULE_FIELDS:
        return f"{kind} {rule.get(_RULE_FIELDS[kind])}"
    if kind in _FILTER_RULES:
        return f"{kind} {_filter_line(rule)}"
    ever = "_ever" if rule.get("since") == "ever" else ""
    return f"{kind}{ever} {rule.get('eventName')}"


def _attribute_from(line: str) -> dict[str, Any] | None:
    name, separator, text = line.partition("=")
    if not separator or not name.strip():
        return None
    return {name.strip(): value_in(text.strip())}


def _attribute_line(pair: dict[str, Any]) -> str:
    ((name, value),) = pair.items()
    return f"{name} = {_scalar_text(value)}"


def value_in(text: str) -> Any:  # noqa: ANN401 - JSON
    """Return a number, true, false, null or quoted JSON as its value, else the text itself."""
    if text in _SAYS:
        return _SAYS[text]
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if text.startswith(('"', "[", "{")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def compared_in(operator: str, text: str) -> Any:  # noqa: ANN401 - JSON
    """Return what an operator compares with: several values for `one_of`."""
    whole = value_in(text)
    if operator != Operator.ONE_OF or isinstance(whole, list):
        return whole
    return [value_in(each) for each in names_from(text)]


def value_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a text that `compared_in` reads as the value, wherever there is one."""
    texts = map(_scalar_text, value) if isinstance(value, list) else [_scalar_text(value)]
    return ", ".join(texts)


def _scalar_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return the shortest text that `value_in` reads as the value."""
    text = value if isinstance(value, str) else _as_json(value)
    is_plain = text == text.strip() and text and len(text.splitlines()) == 1
    return text if is_plain and is_same(value_in(text), value) else _as_json(value)


def is_same(one: object, other: object) -> bool:
    return _as_json(one) == _as_json(other)


def _as_json(value: object) -> str:
    r"""Return JSON on one line; `splitlines` knows more line ends than "\\n"."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text.splitlines()) == 1 else json.dumps(value, sort_keys=True)


def _json_object(line: str) -> Any:  # noqa: ANN401 - JSON, or None
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
