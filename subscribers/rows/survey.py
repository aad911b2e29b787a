"""Looks through a file before its import, and decides how each column is read.

A column is decided as a whole: by all of its cells, in memory that does not grow with the rows.
What cannot be decided, or would be lost in silence, is refused with the option that says it.
"""

import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from subscribers.rows import name_cells, times, typed_cells
from subscribers.rows.columns import Fields, look_up
from subscribers.rows.faults import storable
from subscribers.rows.headers import STANDINGS, folded, says_standing
from subscribers.rows.plans import BY_MAP, BY_NAME, BY_SYNONYM, IGNORED, Column, ColumnPlan
from subscribers.rows.row import InvalidFile, Row
from subscribers.rows.status_words import status_of
from subscribers.wire import json_gate

# As many rows give the samples, and tell whether a column has words of statuses.
SAMPLE_ROWS = 1_000
MOST_SAMPLES = 3
LONGEST_SAMPLE = 40
# Keys of objects beyond this number are counted and not looked at.
MOST_COLUMNS = 2_000
# Into so many levels of an object that nothing reads.
MOST_LEVELS = 3
_STATUS_SHARE = 0.8
_FEWEST_WORDS = 2
_MOST_NAMED = 20
ERROR = "error"
# The fields of which a file must have one, each with what to do about it.
Needs = Sequence[tuple[frozenset[str], str]]
# The field of a column beside others: "" for one that is never read, None for an unknown one.
RestOfPreset = Callable[[str, Collection[str]], str | None]
# Before those of synonyms, which begin at 0.
_RANK_OF_MAP, _RANK_OF_PRESET, _RANK_OF_NAME = -3, -2, -1
_ANOTHER = "another column is "
_NO_TIME = "none"
UNDECIDED = "undecided"


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator said about the columns; names of columns are as in the file."""

    map: Mapping[str, str] = {}
    ignored: frozenset[str] = frozenset()
    # By column; the empty name is every column of that kind.
    types: Mapping[str, str] = {}
    date_formats: Mapping[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, Any] = {}
    zone: str = "UTC"
    is_text_kept: bool = False
    # The fields of a product's own columns, and the name of the product.
    preset: Mapping[str, str] = {}
    preset_name: str = ""
    # The fields of the product's columns that `preset` does not have.
    preset_rest: RestOfPreset | None = None
    # Columns that are used otherwise, such as by --event-id-from.
    taken: frozenset[str] = frozenset()


class _Seen:
    """What was seen of one column."""

    def __init__(self, field: str, rule: str, rank: int) -> None:
        self.field, self.rule, self.rank = field, rule, rank
        self.samples: dict[str, None] = {}
        self.filled = self.words = 0
        # Of times by form, of other columns one for each separator or type that a cell has.
        self.forms: Counter[str] = Counter()
        self.example = ""


def survey(
    *,
    rows: Iterable[Row],
    fields: Fields,
    wishes: Wishes,
    name: str,
    is_whole: bool,
    is_refused: bool = True,
) -> ColumnPlan:
    """Return the plan of a file's columns; raises `InvalidFile` with what to type.

    Reads all rows where a column must be decided, or with `is_whole`; else the first thousand.
    Without `is_refused` a column that cannot be decided has the form `undecided`.
    """
    looked = _Look(fields, wishes)
    for number, row in enumerate(rows, start=1):
        looked.at(row)
        if number == SAMPLE_ROWS and not is_whole and not looked.is_open():
            break
    return looked.decided(name, is_refused=is_refused)


class _Look:
    def __init__(self, fields: Fields, wishes: Wishes) -> None:
        self.fields, self.wishes = fields, wishes
        self.seen: dict[str, _Seen] = {}
        # The columns of which fewer than `SAMPLE_ROWS` cells were seen.
        self.sampled: dict[str, _Seen] = {}
        # The columns whose form depends on all cells.
        self.undecided: dict[str, _Seen] = {}
        self.rows = 0
        self.is_table = False
        self._header: tuple[str, ...] | None = None
        # The header, or the keys, that are looked at.
        self._beside: Collection[str] = ()
        # Of each table, and what all objects have.
        self._headers: dict[tuple[str, ...], None] = {}
        self._keys: dict[str, None] = {}
        # Into objects.
        self._paths: set[str] = set()

    def at(self, row: Row) -> None:
        values = row.fields
        if row.columns is not None and row.columns is not self._header:
            self._header, self.is_table = row.columns, True
            self._headers[row.columns] = None
            self._beside = row.columns
            for column in row.columns:
                self._add(column)
        if values is None or row.fault is not None:
            return
        self.rows += 1
        if row.columns is None:
            self._add_keys(values)
        if self.sampled:
            given = values.keys() if row.columns is not None else values.keys() | self._paths
            self._sample(values, self.sampled.keys() & given)
        for column, seen in self.undecided.items():
            value = look_up(values, column)
            if value is not None and value != "":
                self._judge(seen, value)

    def _add_keys(self, values: Mapping[str, Any]) -> None:
        self._beside = values.keys()
        if not self._keys:
            # Also what comes in later rows only.
            for column in (*self.wishes.map, *self.wishes.ignored):
                self._add(column)
                self._keys[column] = None
                self._paths.update({column} if "." in column else ())
        for column in [each for each in values if each not in self._keys]:
            if len(self._keys) < MOST_COLUMNS:
                self._add(column)
                self._keys[column] = None
        if "status" in self.fields:
            for column, value in values.items():
                if isinstance(value, dict) and self._is_unread(column):
                    self._add_standings(column, value, levels=MOST_LEVELS)

    def _is_unread(self, column: str) -> bool:
        seen = self.seen.get(column)
        return seen is not None and not seen.rule

    def _add_standings(self, path: str, value: Mapping[str, Any], *, levels: int) -> None:
        """Add the paths into an object that say who may get mail."""
        for key, inner in value.items():
            name = f"{path}.{key}"
            if isinstance(inner, dict):
                if levels > 1:
                    self._add_standings(name, inner, levels=levels - 1)
            elif says_standing(key) and name not in self.seen and len(self.seen) < MOST_COLUMNS:
                self.seen[name] = self.sampled[name] = _Seen("", "", 0)
                self._paths.add(name)

    def _sample(self, values: Mapping[str, Any], columns: Iterable[str]) -> None:
        for column in columns:
            seen = self.sampled[column]
            _sample(seen, look_up(values, column))
            if seen.filled == SAMPLE_ROWS:
                del self.sampled[column]

    def is_open(self) -> bool:
        """Tell whether a column needs to be seen whole."""
        return any(
            seen.field not in self.fields.times or seen.forms.keys() - {""}
            for seen in self.undecided.values()
        )

    def _add(self, column: str) -> None:
        if column in self.seen or len(self.seen) >= MOST_COLUMNS:
            return
        seen = self.seen[column] = self.sampled[column] = _Seen(*self._meaning(column))
        name = seen.field
        if name and (
            self._is_typed(name) or name in self.fields.times or name in self.fields.names
        ):
            self.undecided[column] = seen

    def _is_typed(self, name: str) -> bool:
        return self.is_table and name in self.fields and self.fields.is_key(name)

    def _meaning(self, column: str) -> tuple[str, str, int]:
        """Return a column's field, the rule, and how well it fits: the least number wins."""
        wishes = self.wishes
        if column in wishes.map:
            return wishes.map[column], BY_MAP, _RANK_OF_MAP
        if column in wishes.ignored:
            return "", IGNORED, 0
        if column in wishes.preset:
            return wishes.preset[column], f"--from {wishes.preset_name}", _RANK_OF_PRESET
        rest = wishes.preset_rest and wishes.preset_rest(column, self._beside)
        if rest is not None:
            return rest, f"--from {wishes.preset_name}", _RANK_OF_PRESET
        if column in self.fields:
            return column, BY_NAME, _RANK_OF_NAME
        field, rank = self.fields.synonyms.get(folded(column), ("", 0))
        if field:
            return field, BY_SYNONYM, rank
        return "", "", 0

    def _judge(self, seen: _Seen, value: object) -> None:
        text = value if isinstance(value, str) else str(value)
        if seen.field in self.fields.names:
            if isinstance(value, str):
                # In objects a text is asked to be parted, whatever is in it.
                seen.forms.update({"", *name_cells.separators_in(text)})
        elif seen.field in self.fields.times:
            trimmed = text.strip()
            if trimmed and not times.STRICT.fullmatch(trimmed):
                form = times.form_of(trimmed)
                seen.forms[form or _NO_TIME] += 1
                seen.example = seen.example or trimmed
            elif trimmed:
                # As the API takes it.
                seen.forms[""] += 1
        elif not isinstance(value, str) or typed_cells.TEXT not in seen.forms:
            seen.forms[typed_cells.type_of(text)] += 1

    def decided(self, name: str, *, is_refused: bool) -> ColumnPlan:
        self._refuse_missing(name)
        self._settle_rivals(name, is_refused=is_refused)
        columns: dict[str, Column] = {}
        for column, seen in self.seen.items():
            try:
                form = self._form(column, seen, name)
            except InvalidFile:
                if is_refused:
                    raise
                form = UNDECIDED
            columns[column] = Column(seen.field, seen.rule, form, tuple(seen.samples))
        if is_refused:
            self._refuse_standings(columns, name)
        wishes = self.wishes
        self._refuse_constants(columns, name)
        return ColumnPlan(columns, wishes.values, wishes.constants, wishes.zone, self.rows)

    def _refuse_missing(self, name: str) -> None:
        """Refuse names of columns that the file does not have; keys may come in later rows."""
        asked = {*self.wishes.map, *self.wishes.ignored, *self.wishes.taken}
        asked |= {*self.wishes.types, *self.wishes.date_formats} - {""}
        missing = sorted(asked - self.seen.keys())
        if missing and self.is_table:
            raise InvalidFile(
                f"{name}: there is no column {', '.join(missing)}; there are {_shown(self.seen)}."
            )

    def _settle_rivals(self, name: str, *, is_refused: bool) -> None:
        """Leave one column of each file for each field: by rule, then the first synonym."""
        stays = {_RANK_OF_MAP, _RANK_OF_PRESET}
        kept: set[str] = set()
        rivals: set[str] = set()
        for header in self._headers:
            self._part_rivals(header, stays, kept, rivals)
        # In objects a name of ours may stand in some rows, and another name in others.
        self._part_rivals(self._keys, stays | {_RANK_OF_NAME}, kept, rivals)
        for column in sorted(rivals):
            seen = self.seen[column]
            if column in kept and is_refused:
                raise InvalidFile(
                    f"{name}: the column {_name(column)} is {seen.field} in one file, and in "
                    f"another file a second {seen.field}: import these files one by one."
                )
            seen.rule, seen.field = f"{_ANOTHER}{seen.field}", ""

    def _part_rivals(
        self, columns: Iterable[str], stays: set[int], kept: set[str], rivals: set[str]
    ) -> None:
        best: dict[str, _Seen] = {}
        found = [(column, self.seen[column]) for column in columns if column in self.seen]
        for _, seen in found:
            held = best.get(seen.field)
            if held is None or seen.rank < held.rank:
                best[seen.field] = seen
        for column, seen in found:
            is_rival = seen.field and seen is not best[seen.field] and seen.rank not in stays
            (rivals if is_rival else kept).add(column)

    def _refuse_constants(self, columns: Mapping[str, Column], name: str) -> None:
        """Refuse a value for all rows where a column has it; tags and lists are added."""
        for column, planned in columns.items():
            if planned.field in self.wishes.constants and planned.field not in self.fields.names:
                raise InvalidFile(
                    f"{name}: --set {planned.field}: the column {_name(column)} says it; leave it "
                    f"out with --ignore-column {_quoted(column)}."
                )

    def _form(self, column: str, seen: _Seen, name: str) -> str:
        field, wishes = seen.field, self.wishes
        if field in self.fields.times and field:
            return self._time_form(column, seen, name)
        if field in self.fields.names and field:
            form = name_cells.decide(set(seen.forms))
            is_usual = form == name_cells.SEPARATOR and (self.is_table or not seen.forms)
            return "" if is_usual else form
        if field and self._is_typed(field):
            given = wishes.types.get(column) or wishes.types.get("")
            if wishes.is_text_kept or given == typed_cells.TEXT:
                return typed_cells.VERBATIM
            return given or typed_cells.decide(set(seen.forms))
        return ""

    def _time_form(self, column: str, seen: _Seen, name: str) -> str:
        given = self.wishes.date_formats.get(column) or self.wishes.date_formats.get("")
        if given:
            return given
        # A column that is as the API takes it, but for cells that are no times: their rows are
        # rejected later.
        if seen.forms.keys() <= {"", _NO_TIME} and (seen.forms[""] or not seen.forms):
            return ""
        forms = {form or times.ISO for form in seen.forms} - {_NO_TIME}
        try:
            return times.decide(forms)
        except times.Undecided as error:
            raise InvalidFile(
                f"{name}: the column {_name(column)} is read as {seen.field} and {error} Such as "
                f"{_name(seen.example)}. Give --date-format {_quoted(column)}=FORMAT, with "
                f"{', '.join(times.FORMS)} or a pattern such as %d.%m.%Y; or leave the column out "
                f"with --ignore-column {_quoted(column)}."
            ) from error

    def _refuse_standings(self, columns: Mapping[str, Column], name: str) -> None:
        for column, planned in columns.items():
            seen, rival_of = self.seen[column], planned.rule.removeprefix(_ANOTHER)
            is_known = planned.rule and rival_of not in STANDINGS
            if planned.field or is_known or column in {*self.wishes.taken, ERROR}:
                continue
            has_words = seen.words >= max(_FEWEST_WORDS, _STATUS_SHARE * seen.filled)
            is_second = rival_of in STANDINGS and seen.filled
            if self.rows and (says_standing(column) or has_words or is_second):
                target = "status" if "status" in self.fields else f"{self.fields.prefix}status"
                target, _ = self.fields.synonyms.get(folded(column.rpartition(".")[2]), (target, 0))
                such_as = f" ({', '.join(seen.samples)})" if seen.samples else ""
                raise InvalidFile(
                    f"{name}: the column {_name(column)}{such_as} looks as if it says who left or "
                    f"agreed, and nothing reads it. Give --map {_quoted(f'{column}={target}')}, or "
                    f"leave it out with --ignore-column {_quoted(column)}."
                )


def check_needs(*, plan: ColumnPlan, needs: Needs, name: str) -> None:
    """Refuse a file that has no column for something."""
    used = {column.field for column in plan.columns.values()} | plan.constants.keys()
    for wanted, advice in needs:
        if plan.columns and not used & wanted:
            raise InvalidFile(f"{name}: {advice} The file has: {_shown(plan.columns)}.")


def _sample(seen: _Seen, value: object) -> None:
    if value is None or value == "":
        return
    seen.filled += 1
    text = value if isinstance(value, str) else json_gate.compact(value).decode()
    if status_of(text) is not None:
        seen.words += 1
    if len(seen.samples) < MOST_SAMPLES:
        seen.samples[_name(text)] = None


def _name(text: str) -> str:
    shown = storable(text[:200])
    return shown if len(shown) <= LONGEST_SAMPLE else f"{shown[: LONGEST_SAMPLE - 1]}…"


def _quoted(text: str) -> str:
    return shlex.quote(text)


def _shown(columns: Iterable[str]) -> str:
    names = [_name(column) for column in columns]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
