"""Looks through a file before its import, and decides how each column is read.

A column is decided as a whole: by all of its cells, in memory that does not grow with the rows.
What cannot be decided, or would be lost in silence, is refused with the option that says it.
"""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from subscribers.rows import name_cells, standings, times, typed_cells
from subscribers.rows.column_looks import NO_TIME, ColumnLook, listed, shortened
from subscribers.rows.columns import Fields, look_up
from subscribers.rows.headers import STANDINGS, folded, says_standing
from subscribers.rows.plans import (
    ANOTHER,
    BY_MAP,
    BY_NAME,
    BY_SYNONYM,
    IGNORED,
    OF_PRESET,
    Column,
    ColumnPlan,
)
from subscribers.rows.row import InvalidFile, Row
from subscribers.rows.status_words import is_flag

# As many rows give the samples, and tell whether a column has words of statuses.
SAMPLE_ROWS = 1_000
# Columns, or keys of objects, beyond this number are not looked at.
MOST_COLUMNS = 2_000
ERROR = "error"
# The fields of which a file must have one, each with what to do about it.
Needs = Sequence[tuple[frozenset[str], str]]
# The field of a column beside others: "" for one that is never read, None for an unknown one.
RestOfPreset = Callable[[str, Collection[str]], str | None]
# Before those of synonyms, which begin at 0.
_RANK_OF_MAP, _RANK_OF_PRESET, _RANK_OF_NAME = -3, -2, -1
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
    # The form of the product's times in which day and month could be either.
    either: str = ""
    # The name of each file, and the status that it says of its rows.
    files: tuple[tuple[str, str], ...] = ()
    # Columns that are used otherwise, such as by --event-id-from.
    taken: frozenset[str] = frozenset()


def survey(
    *,
    rows: Iterable[Row],
    fields: Fields,
    wishes: Wishes,
    name: str,
    is_whole: bool,
    is_refused: bool = True,
    columns: Sequence[str] = (),
) -> ColumnPlan:
    """Return the plan of a file's columns; raises `InvalidFile` with what to type.

    Reads all rows where a column must be decided, or with `is_whole`; else the first thousand.
    Without `is_refused` a column that cannot be decided has the form `undecided`. `columns` are
    those of tables without a row.
    """
    looked = _Survey(fields, wishes)
    for number, row in enumerate(rows, start=1):
        looked.at(row)
        if number == SAMPLE_ROWS and not is_whole and not looked.is_open():
            break
    if not looked.seen and columns:
        looked.head(tuple(columns))
    return looked.decided(name, is_refused=is_refused)


class _Survey:
    def __init__(self, fields: Fields, wishes: Wishes) -> None:
        self.fields, self.wishes = fields, wishes
        self.seen: dict[str, ColumnLook] = {}
        # The columns of which fewer than `SAMPLE_ROWS` cells were seen.
        self.sampled: dict[str, ColumnLook] = {}
        # The columns whose form depends on all cells.
        self.undecided: dict[str, ColumnLook] = {}
        self.rows = 0
        self.is_table = False
        self._header: tuple[str, ...] | None = None
        # Its columns of addresses.
        self._addresses: list[str] = []
        # The header, or the keys, that are looked at.
        self._beside: Collection[str] = ()
        # Of each table, and what all objects have.
        self._headers: dict[tuple[str, ...], None] = {}
        self._keys: dict[str, None] = {}
        # Into objects.
        self._paths: set[str] = set()
        # Whether there are more than `MOST_COLUMNS`.
        self._is_cut = False

    def at(self, row: Row) -> None:
        values = row.fields
        if row.columns is not None and row.columns is not self._header:
            self.head(row.columns)
        if values is None or row.fault is not None:
            return
        self.rows += 1
        if self._names_nobody(values):
            return
        if row.columns is None:
            self._add_keys(values)
        if self.sampled:
            given = values.keys() if row.columns is not None else values.keys() | self._paths
            self._sample(values, self.sampled.keys() & given)
        for column, seen in self.undecided.items():
            value = look_up(values, column)
            if value is not None and value != "":
                if seen.field in self.fields.names:
                    seen.judge_names(value)
                elif seen.field in self.fields.times:
                    seen.judge_time(value)
                else:
                    seen.judge_type(value)

    def head(self, columns: tuple[str, ...]) -> None:
        """Take a table's header."""
        self._header, self.is_table = columns, True
        self._headers[columns] = None
        self._beside = columns
        for column in columns:
            self._add(column)
        self._addresses = [
            each for each in columns if each in self.seen and self.seen[each].field == "email"
        ]

    def _names_nobody(self, values: Mapping[str, Any]) -> bool:
        """Tell whether a row is rejected later: a second header, or a line of totals."""
        cells = [cell for column in self._addresses if (cell := values.get(column))]
        return self.is_table and bool(cells) and not any("@" in cell for cell in cells)

    def _add_keys(self, values: Mapping[str, Any]) -> None:
        self._beside = values.keys()
        if not self._keys:
            # Also what comes in later rows only.
            for column in (*self.wishes.map, *self.wishes.ignored):
                self._add(column)
                self._keys[column] = None
                self._paths.update({column} if "." in column else ())
        for column in [each for each in values if each not in self._keys]:
            self._add(column)
            if column in self.seen:
                self._keys[column] = None
        if "status" in self.fields:
            for column, value in values.items():
                if isinstance(value, dict) and self._is_unread(column):
                    self._add_standings(column, value)

    def _is_unread(self, column: str) -> bool:
        """Tell whether nothing reads a column, or a preset of people keeps it as an attribute."""
        seen = self.seen.get(column)
        if seen is None or not seen.rule or "status" not in self.fields:
            return seen is not None and not seen.rule
        return seen.rule.startswith(OF_PRESET) and seen.field == f"{self.fields.prefix}{column}"

    def _add_standings(self, column: str, value: Mapping[str, Any]) -> None:
        for name, _ in standings.paths_in(column, value):
            if name not in self.seen and self._has_room():
                self.seen[name] = self.sampled[name] = ColumnLook("", "", 0)
                self._paths.add(name)

    def _sample(self, values: Mapping[str, Any], columns: Iterable[str]) -> None:
        for column in columns:
            seen = self.sampled[column]
            seen.sample(look_up(values, column))
            if seen.filled == SAMPLE_ROWS:
                del self.sampled[column]

    def is_open(self) -> bool:
        """Tell whether a column needs to be seen whole."""
        return any(
            seen.field not in self.fields.times or seen.forms.keys() - {""}
            for seen in self.undecided.values()
        )

    def _add(self, column: str) -> None:
        if column in self.seen or not self._has_room():
            return
        seen = self.seen[column] = self.sampled[column] = ColumnLook(*self._meaning(column))
        name = seen.field
        if name and (
            self._is_typed(name) or name in self.fields.times or name in self.fields.names
        ):
            self.undecided[column] = seen

    def _has_room(self) -> bool:
        """Tell whether one more column is looked at; notes where it is not."""
        self._is_cut |= len(self.seen) >= MOST_COLUMNS
        return not self._is_cut

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
            return wishes.preset[column], f"{OF_PRESET} {wishes.preset_name}", _RANK_OF_PRESET
        rest = wishes.preset_rest and wishes.preset_rest(column, self._beside)
        if rest is not None:
            return rest, f"{OF_PRESET} {wishes.preset_name}", _RANK_OF_PRESET
        if column in self.fields:
            return column, BY_NAME, _RANK_OF_NAME
        field, rank = self.fields.synonyms.get(folded(column), ("", 0))
        if field:
            return field, BY_SYNONYM, rank
        return "", "", 0

    def decided(self, name: str, *, is_refused: bool) -> ColumnPlan:
        self._refuse_too_many(name)
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
        said = (wishes.values, wishes.constants, wishes.zone, self.rows)
        return ColumnPlan(columns, *said, files=wishes.files)

    def _refuse_too_many(self, name: str) -> None:
        """Refuse a file of people with columns that nobody looked at: one may say who left."""
        if self._is_cut and "status" in self.fields:
            what = "columns" if self.is_table else "different keys"
            raise InvalidFile(
                f"{name} has more than {MOST_COLUMNS:,} {what}, which is the most that are looked "
                "at: delete those that are not needed."
            )

    def _refuse_missing(self, name: str) -> None:
        """Refuse names of columns that the file does not have; keys may come in later rows."""
        asked = {*self.wishes.map, *self.wishes.ignored, *self.wishes.taken}
        asked |= {*self.wishes.types, *self.wishes.date_formats} - {""}
        missing = sorted(asked - self.seen.keys())
        if missing and self.is_table:
            raise InvalidFile(
                f"{name}: there is no column {', '.join(missing)}; there are {listed(self.seen)}."
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
                    f"{name}: the column {shortened(column)} is {seen.field} in one file, and in "
                    f"another file a second {seen.field}: import these files one by one."
                )
            seen.rule, seen.field = f"{ANOTHER}{seen.field}", ""

    def _part_rivals(
        self, columns: Iterable[str], stays: set[int], kept: set[str], rivals: set[str]
    ) -> None:
        best: dict[str, ColumnLook] = {}
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
                    f"{name}: --set {planned.field}: the column {shortened(column)} says it; leave "
                    f"it out with --ignore-column {shlex.quote(column)}."
                )

    def _form(self, column: str, seen: ColumnLook, name: str) -> str:
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

    def _time_form(self, column: str, seen: ColumnLook, name: str) -> str:
        given = self.wishes.date_formats.get(column) or self.wishes.date_formats.get("")
        if given:
            return given
        # A column that is as the API takes it, but for cells that are no times: their rows are
        # rejected later.
        if seen.forms.keys() <= {"", NO_TIME} and (seen.forms[""] or not seen.forms):
            return ""
        forms = {form or times.ISO for form in seen.forms} - {NO_TIME}
        if self.wishes.either and times.EITHER in forms:
            forms = forms - {times.EITHER} | {self.wishes.either}
        try:
            return times.decide(forms)
        except times.Undecided as error:
            raise InvalidFile(
                f"{name}: the column {shortened(column)} is read as {seen.field} and {error} Such "
                f"as {shortened(seen.example)}. Give --date-format {shlex.quote(column)}=FORMAT, "
                f"with {', '.join(times.FORMS)} or a pattern such as %d.%m.%Y; or leave the column "
                f"out with --ignore-column {shlex.quote(column)}."
            ) from error

    def _refuse_standings(self, columns: Mapping[str, Column], name: str) -> None:
        for column, planned in columns.items():
            seen, rival_of = self.seen[column], planned.rule.removeprefix(ANOTHER)
            is_known = planned.rule and rival_of not in STANDINGS
            is_read = (planned.field or is_known) and not self._is_unread(column)
            if is_read or column in {*self.wishes.taken, ERROR}:
                continue
            # A product's own column is an attribute, of which one word says little.
            stops = 0 if planned.field else seen.stops
            has_words = standings.are_words(filled=seen.filled, words=seen.words, stops=stops)
            # An empty second column says nothing.
            is_said = seen.filled if rival_of in STANDINGS else says_standing(column)
            if self.rows and (is_said or has_words):
                such_as = f" ({', '.join(seen.samples)})" if seen.samples else ""
                raise InvalidFile(
                    f"{name}: the column {shortened(column)}{such_as} looks as if it says who left "
                    f"or agreed, and nothing reads it. Give {self._advice_for(column, seen)}, or "
                    f"leave it out with --ignore-column {shlex.quote(column)}."
                )

    def _advice_for(self, column: str, seen: ColumnLook) -> str:
        """Return the options with which a column that says who left is read."""
        field, _ = self.fields.synonyms.get(folded(column.rpartition(".")[2]), ("", 0))
        if "status" not in self.fields:
            return _map_to(column, f"{self.fields.prefix}status")
        has_words = standings.are_words(filled=seen.filled, words=seen.words, stops=seen.stops)
        if field or has_words or any(not is_flag(each) for each in seen.samples):
            return _map_to(column, field or "status")
        return (
            f"{_map_to(column, 'subscribed')} where no means that somebody left, "
            f"{_map_to(column, 'unsubscribed')} where yes means it"
        )


def _map_to(column: str, field: str) -> str:
    return f"--map {shlex.quote(f'{column}={field}')}"


def check_needs(*, plan: ColumnPlan, needs: Needs, name: str) -> None:
    """Refuse a file that has no column for something."""
    used = {column.field for column in plan.columns.values()} | plan.constants.keys()
    for wanted, advice in needs:
        if plan.columns and not used & wanted:
            raise InvalidFile(f"{name}: {advice} The file has: {listed(plan.columns)}.")
