"""The conditions of a segment as rows of a form, in groups: from a segment or a POST.

A row has inputs for everything; the page shows those that its condition needs. Buttons add and
remove rows by posting the whole form; nothing is stored then.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from events.language.segments import Group, SegmentFilter, rooted
from events.language.segments.filters import COUNTS, EMPTINESS, MAIL_FIELDS
from events.language.segments.groups import MOST_FILTERS, Join
from events.language.segments.windows import HOURS_A_DAY, write_window
from events.wording.segments import PHRASES, since_in_words
from subscribers.wire.payloads import Fault

ARRANGE = "_arrange"
# Also the order of the page.
INPUTS = (
    "status", "tag", "list", "segment", "event", "attribute", "text", "mail", "times", "days",
    "window",
)  # fmt: skip
TITLES = {
    "status": "Status", "tag": "Tags and lists", "list": "Tags and lists",
    "segment": "Tags and lists", "event": "Events", "attribute": "Attributes",
    **dict.fromkeys(MAIL_FIELDS, "Mail"),
}  # fmt: skip
PERSON = "Address, name and age"
WINDOW_HOURS = (24, 7 * 24, 30 * 24, 90 * 24, 180 * 24, 365 * 24, None)
WINDOWS = {write_window(hours): since_in_words(hours) for hours in WINDOW_HOURS}
_KIND = re.compile(r"row-(\d{1,3})-kind", re.ASCII)
_PLACE = re.compile(r"root((?:\.children\[\d+\])+)(?:\.(.*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ConditionKind:
    """A condition to choose: its words, and the inputs that it needs."""

    name: str
    words: str
    needs: str


def _needs(field_name: str, operator: str) -> list[str]:
    if field_name == "attribute":
        return ["attribute"] if operator in EMPTINESS else ["attribute", "text"]
    if operator in EMPTINESS:
        return []
    times = ["times"] if operator in COUNTS else []
    match field_name:
        case "event":
            return ["event", *times, "window"]
        case "added":
            return ["days"]
        case _ if field_name in MAIL_FIELDS:
            return [*(times or ["mail"]), "window"]
        case "status" | "tag" | "list" | "segment":
            return [field_name]
        case _:
            return ["text"]


def kinds() -> list[tuple[str, list[ConditionKind]]]:
    """Return the conditions to choose from, under their titles."""
    found: dict[str, list[ConditionKind]] = {}
    for (field_name, operator), words in PHRASES.items():
        kind = ConditionKind(
            f"{field_name}.{operator}", words, " ".join(_needs(field_name, operator))
        )
        # Every address has one.
        if not (field_name == "emailProvider" and operator in EMPTINESS):
            found.setdefault(TITLES.get(field_name, PERSON), []).append(kind)
    return [*found.items()]


@dataclass
class ConditionRow:
    number: int
    kind: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def to_wire(self) -> dict[str, str]:
        field_name, _, operator = self.kind.partition(".")
        return {"field": field_name, "operator": operator, "value": self._value()}

    @property
    def windows(self) -> Mapping[str, str]:
        """Return the windows to choose from, and its own where it is none of them."""
        own = self.values.get("window", "")
        return {**WINDOWS, **({own: own} if own and own not in WINDOWS else {})}

    def _value(self) -> str:
        field_name, _, operator = self.kind.partition(".")
        given = {name: self.values.get(name, "").strip() for name in INPUTS}
        match field_name:
            case "attribute":
                value = f"{given['attribute']}:{given['text']}"
                return given["attribute"] if operator in EMPTINESS else value
            case "event":
                times = f"{given['times']}:" if operator in COUNTS else ""
                return f"{given['event']}:{times}{given['window']}"
            case "added":
                return f"{given['days']} days"
            case _ if field_name in MAIL_FIELDS:
                first = given["times"] if operator in COUNTS else given["mail"]
                return f"{first}:{given['window']}".removeprefix(":")
            case _:
                needs = _needs(field_name, operator)
                return given[needs[0]] if needs else ""


def _row_of(one: SegmentFilter, number: int) -> ConditionRow:
    needs = _needs(one.field, one.operator)
    values = {
        "times": str(one.count),
        "window": write_window(one.hours),
        "mail": one.name,
        "days": str((one.hours or 0) // HOURS_A_DAY),
        "text": one.text or one.name,
    }
    own = {name: values.get(name, one.name) for name in needs}
    return ConditionRow(number=number, kind=f"{one.field}.{one.operator}", values=own)


@dataclass
class RowGroup:
    """A group of rows; all or any of them must hold."""

    number: int
    join: Join
    rows: list[ConditionRow]


class SegmentRows:
    def __init__(self, join: Join, boxes: Iterable[RowGroup]) -> None:
        self.join: Join = join
        self.boxes = [*boxes]

    @classmethod
    def of_root(cls, root: Group | None) -> "SegmentRows | None":
        """Return the rows of a tree; None where it nests deeper, or counts in parts of days."""
        if root is None:
            return cls("and", [RowGroup(0, "and", [ConditionRow(0)])])
        flat = rooted(root)
        if flat is None or any(_is_beyond_rows(each) for group in flat[1] for each in _own(group)):
            return None
        join, groups = flat
        boxes, number = [], 0
        for place, group in enumerate(groups):
            own = [_row_of(each, number + n) for n, each in enumerate(_own(group))]
            number += len(own)
            boxes.append(RowGroup(place, group.join, own))
        return cls(join, boxes)

    @classmethod
    def of_post(cls, posted: Mapping[str, str]) -> "SegmentRows":
        """Return the posted rows, rearranged if one of those buttons was pressed."""
        boxes: dict[int, RowGroup] = {}
        for number in _numbers(posted):
            place = _number(posted.get(f"row-{number}-group", ""))
            join: Join = "or" if posted.get(f"group-{place}-join") == "or" else "and"
            box = boxes.setdefault(place, RowGroup(place, join, []))
            values = {name: posted.get(f"row-{number}-{name}", "") for name in INPUTS}
            box.rows.append(
                ConditionRow(number, _kind(posted.get(f"row-{number}-kind", "")), values)
            )
        ordered = [boxes[place] for place in sorted(boxes)] or [
            RowGroup(0, "and", [ConditionRow(0)])
        ]
        found = cls("or" if posted.get("groups-join") == "or" else "and", ordered)
        if button := posted.get(ARRANGE):
            found._rearrange(button)
        return found

    @property
    def next_number(self) -> int:
        return max((row.number for box in self.boxes for row in box.rows), default=-1) + 1

    def to_wire(self) -> dict[str, Any]:
        """Return the tree as `parse_root` takes it; rows without a condition are left out."""
        groups = [
            {"joinOperator": box.join, "children": [row.to_wire() for row in rows]}
            for box, rows in self._chosen()
        ]
        if len(groups) == 1:
            return groups[0]
        return {"joinOperator": self.join, "children": groups}

    def show(self, fault: Fault) -> bool:
        """Show a fault at its row; False where it belongs to none."""
        match = _PLACE.fullmatch(fault.path)
        chosen = self._chosen()
        if not match or not chosen:
            return False
        place = [int(each) for each in re.findall(r"\d+", match[1])]
        box, row = [0, *place] if len(chosen) == 1 else [*place, 0][:2]
        rows = chosen[box][1] if box < len(chosen) else []
        if row >= len(rows):
            return False
        rows[row].faults.append(f"It {fault.message}")
        return True

    def _chosen(self) -> list[tuple[RowGroup, list[ConditionRow]]]:
        found = [(box, [row for row in box.rows if row.kind]) for box in self.boxes]
        return [(box, rows) for box, rows in found if rows]

    def _rearrange(self, button: str) -> None:
        """Add a row to a group (`add-0`), add a group, or remove a row (`remove-3`)."""
        verb, _, digits = button.partition("-")
        number, is_full = _number(digits), self.next_number >= MOST_FILTERS * 2
        match verb:
            case "remove":
                for box in self.boxes:
                    box.rows = [row for row in box.rows if row.number != number]
                self.boxes = [box for box in self.boxes if box.rows]
                if not self.boxes:
                    self.boxes = [RowGroup(0, "and", [ConditionRow(0)])]
            case "add" if not is_full:
                for box in self.boxes:
                    if box.number == number:
                        box.rows.append(ConditionRow(self.next_number))
            case "group" if not is_full:
                place = max(box.number for box in self.boxes) + 1
                self.boxes.append(RowGroup(place, "and", [ConditionRow(self.next_number)]))


def _own(group: Group) -> Iterator[SegmentFilter]:
    return (each for each in group.children if isinstance(each, SegmentFilter))


def _is_beyond_rows(one: SegmentFilter) -> bool:
    return one.field == "added" and bool((one.hours or 0) % HOURS_A_DAY)


def _numbers(posted: Mapping[str, str]) -> list[int]:
    found = (match for name in posted if (match := _KIND.fullmatch(name)))
    return sorted(int(match[1]) for match in found)


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,3}", text, re.ASCII) else 0


def _kind(text: str) -> str:
    field_name, _, operator = text.partition(".")
    return text if (field_name, operator) in PHRASES else ""
