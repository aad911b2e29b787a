"""What a row of selects says: filters, rules and branches as named parts, and back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from events.admin.sequence_editor import lines
from events.language.filters import WITHOUT_VALUE, Operator
from events.language.steps import EXIT
from events.wording.steps import OPERATORS

FILTERS_HELP = (
    "One a line, all must be met: <code>order.total greater_than 100</code>, "
    "<code>plan one_of pro, team</code>, <code>coupon exists</code>. Also equals, not_equals, "
    "contains, less_than, not_exists."
)
LATER_FILTERS_HELP = (
    f"{FILTERS_HELP} <code>cartId equals entry:cartId</code> compares with the event that began "
    "the enrollment."
)
RULES_HELP = (
    "One a line: <code>tag vip</code>, <code>no_tag lead</code>, <code>list News</code>, "
    "<code>no_list News</code>, <code>attribute plan equals pro</code>, "
    "<code>event_property total greater_than 100</code> (of the event that began it), "
    "<code>attribute lastCart equals entry:cartId</code> (compares with that event), "
    "<code>did_event order.placed</code> or <code>did_not_event order.placed</code> (since "
    "entry), <code>did_event_ever</code>, <code>did_not_event_ever</code>."
)
BRANCHES_HELP = (
    "2 to 10, one a line: its weight (1 to 1000), the id of the later step to go on with or "
    "<code>exit</code>, and a name if you like, such as <code>70 short-mail a</code>."
)
Parts = Mapping[str, str]
Wire = dict[str, Any]
# Of the event that began the enrollment.
_ENTRY = "entry"
_ENTRY_WORDS = {
    Operator.EQUALS: "is the starting event's",
    Operator.NOT_EQUALS: "is not the starting event's",
    Operator.CONTAINS: "contains the starting event's",
    Operator.GREATER_THAN: "is greater than the starting event's",
    Operator.LESS_THAN: "is less than the starting event's",
}
_KIND_WORDS = {
    "tag": ("has the tag", "tag"),
    "no_tag": ("does not have the tag", "tag"),
    "list": ("is on the list", "list"),
    "no_list": ("is not on the list", "list"),
    "attribute": ("the attribute", "attribute operator"),
    "event_property": ("the starting event's", "property operator"),
    "did_event": ("did since entry", "event property operator"),
    "did_not_event": ("did not do since entry", "event property operator"),
    "did_event_ever": ("ever did", "event property operator"),
    "did_not_event_ever": ("never did", "event property operator"),
}


class Option(NamedTuple):
    """`needs` names the inputs that the page shows beside it."""

    value: str
    words: str
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a row, or a select where it has `options`."""

    name: str
    label: str
    options: tuple[Option, ...] = ()
    # The names that the page suggests: tags, lists, events, attributes, properties.
    known: str = ""
    # Words for an empty input.
    hint: str = ""
    # Whether it is only shown where an option needs it.
    is_needed_by_option: bool = True


class RowKind(NamedTuple):
    """How one line is a row: `parts` and `wire` are each other's reverse where rows are shown."""

    noun: str
    read: Callable[[str], list[Wire]]
    write: Callable[[list[Wire]], str]
    parts: Callable[[Wire], Parts]
    # None for a row that was left blank.
    wire: Callable[[Parts], Wire | None]
    inputs: tuple[Input, ...]
    # Of the text.
    help: str
    # Blank rows that are shown where there is none.
    least: int = 0


def _operators(*, with_entry: bool) -> tuple[Option, ...]:
    plain = (
        Option(each.value, words, "" if each in WITHOUT_VALUE else "value")
        for each, words in OPERATORS.items()
    )
    entry = (
        Option(f"{each.value}.{_ENTRY}", words, "value") for each, words in _ENTRY_WORDS.items()
    )
    # What is asked most comes first.
    ordered = sorted(plain, key=lambda each: each.value in WITHOUT_VALUE)
    return (*ordered, *(entry if with_entry else ()))


def _filter_parts(wanted: Wire, *, path: str = "path") -> Parts:
    operator = str(wanted.get("operator"))
    if "entryPath" in wanted:
        value = str(wanted["entryPath"])
        return {path: str(wanted.get("path")), "operator": f"{operator}.{_ENTRY}", "value": value}
    value = "" if wanted.get("value") is None else lines.value_text(wanted["value"])
    return {path: str(wanted.get("path")), "operator": operator, "value": value}


def _filter_wire(parts: Parts, *, path: str = "path") -> Wire | None:
    operator, _, entry = parts.get("operator", "").partition(".")
    value = parts.get("value", "")
    if not parts.get(path) and not value:
        return None
    found: Wire = {"path": parts.get(path, ""), "operator": operator}
    if operator in WITHOUT_VALUE or not value:
        return found
    if entry:
        return {**found, "entryPath": value}
    return {**found, "value": lines.compared_in(operator, value)}


def _rule_parts(rule: Wire) -> Parts:
    kind = str(rule.get("type"))
    if kind in {"attribute", "event_property"}:
        path = "attribute" if kind == "attribute" else "property"
        return {"kind": kind, **_filter_parts(rule, path=path)}
    if "eventName" in rule:
        ever = "_ever" if rule.get("since") == "ever" else ""
        parts = {"kind": f"{kind}{ever}", "event": str(rule["eventName"])}
        first, *_ = rule.get("propertyFilters") or [None]
        return {**parts, **_filter_parts(first, path="property")} if first else parts
    named = kind.removeprefix("no_")
    return {"kind": kind, named: str(rule.get(named))}


def _rule_wire(parts: Parts) -> Wire | None:
    kind = parts.get("kind", "")
    if kind not in _KIND_WORDS:
        return None
    if kind in {"attribute", "event_property"}:
        path = "attribute" if kind == "attribute" else "property"
        found = _filter_wire(parts, path=path) or {"path": "", "operator": "equals"}
        return {"type": kind, **found}
    if "event" in kind:
        found = {"type": kind.removesuffix("_ever"), "eventName": parts.get("event", "")}
        if kind.endswith("_ever"):
            found["since"] = "ever"
        inner = _filter_wire(parts, path="property")
        return {**found, "propertyFilters": [inner]} if inner else found
    named = kind.removeprefix("no_")
    return {"type": kind, named: parts.get(named, "")}


def _branch_parts(branch: Wire) -> Parts:
    names = {"weight": "weight", "next": "next", "name": "id"}
    return {part: str(branch[name]) for part, name in names.items() if name in branch}


def _branch_wire(parts: Parts) -> Wire | None:
    if not parts.get("weight") and not parts.get("name"):
        return None
    found = {"weight": lines.value_in(parts.get("weight", "")), "next": parts.get("next") or EXIT}
    return {**found, "id": parts["name"]} if parts.get("name") else found


_PATH = Input("path", "Property", known="properties", hint="property", is_needed_by_option=False)
_VALUE = Input("value", "Value", hint="value")


def _filter_kind(help_text: str, *, with_entry: bool) -> RowKind:
    operator = Input(
        "operator", "Comparison", _operators(with_entry=with_entry), is_needed_by_option=False
    )
    inputs = (_PATH, operator, _VALUE)
    return RowKind(
        "filter", lines.filters_from, lines.filter_lines, _filter_parts, _filter_wire, inputs,
        help_text,
    )  # fmt: skip


FILTERS = _filter_kind(FILTERS_HELP, with_entry=False)
LATER_FILTERS = _filter_kind(LATER_FILTERS_HELP, with_entry=True)
RULES = RowKind(
    "rule", lines.rules_from, lines.rule_lines, _rule_parts, _rule_wire,
    (
        Input(
            "kind", "Rule",
            (Option("", "choose a rule"), *(Option(k, *each) for k, each in _KIND_WORDS.items())),
            is_needed_by_option=False,
        ),
        Input("tag", "Tag", known="tags", hint="tag"),
        Input("list", "List", known="lists", hint="list"),
        Input("event", "Event", known="events", hint="event"),
        Input("attribute", "Attribute", known="attributes", hint="attribute"),
        Input("property", "Property", known="properties", hint="where its property"),
        Input("operator", "Comparison", _operators(with_entry=True)),
        _VALUE,
    ),
    RULES_HELP,
    least=1,
)  # fmt: skip
BRANCHES = RowKind(
    "branch", lines.branches_from, lines.branch_lines, _branch_parts, _branch_wire,
    (
        Input("weight", "Weight", hint="weight", is_needed_by_option=False),
        # `StepRows` offers the later steps.
        Input("next", "Goes on with", (Option(EXIT, "end"),), is_needed_by_option=False),
        Input("name", "Name", hint="name", is_needed_by_option=False),
    ),
    BRANCHES_HELP,
    least=2,
)  # fmt: skip
