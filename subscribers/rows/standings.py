"""What of a file says who left, bounced or agreed, besides the columns that are read as that."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from subscribers.rows.headers import STANDINGS, folded, says_standing
from subscribers.rows.plans import ANOTHER, OF_PRESET, ColumnPlan
from subscribers.rows.status_words import ACTIVE, status_of
from subscribers.wire.payloads import Fault, InvalidRequest

# Into so many levels of an object that nothing reads.
MOST_LEVELS = 3
NOT_PLANNED = (
    "looks as if it says who left or agreed, and none of the rows looked at first has it: give "
    "--map {name}={field}, or --ignore-column {name}."
)
_STATUS_SHARE = 0.8
_FEWEST_WORDS = 2


class KnownFields(Protocol):
    @property
    def prefix(self) -> str: ...

    @property
    def synonyms(self) -> Mapping[str, tuple[str, int]]: ...

    def __contains__(self, name: str) -> bool: ...


class Watch:
    """Refuses rows that say who left in a place that the plan was made without."""

    def __init__(self, *, plan: ColumnPlan, fields: KnownFields) -> None:
        self._planned = plan.columns
        self._fields = fields
        # Of which most rows come after those that the plan was made of.
        self.is_pipe = not plan.rows

    def check(self, row: Mapping[str, Any]) -> None:
        """Check an object; raises `InvalidRequest`."""
        if not row.keys() <= self._planned.keys():
            for name in row.keys() - self._planned.keys():
                field = self._field(name)
                is_said = field in STANDINGS and (field != "status" or says_standing(name))
                if is_said and name not in self._fields:
                    self._refuse(name, row[name])
        if self.is_pipe:
            self.check_unseen(row)

    def check_unseen(self, row: Mapping[str, Any]) -> None:
        """Check what no row that was looked at has, or only as a status.

        Raises `InvalidRequest`.
        """
        for name, value in row.items():
            column = self._planned.get(name)
            rule = "" if column is None else column.rule
            if column is None and name in self._fields:
                continue
            if column is not None and rule.startswith(OF_PRESET):
                # A product's own column that becomes an attribute is read as nothing else.
                rule = "" if column.field == f"{self._fields.prefix}{name}" else rule
            if isinstance(value, dict) and not rule:
                for path, inner in paths_in(name, value):
                    if path not in self._planned:
                        self._refuse(path, inner)
            elif column is None or all(map(status_of, column.samples)):
                is_second = rule.startswith(ANOTHER) and rule.removeprefix(ANOTHER) in STANDINGS
                is_word = isinstance(value, str) and status_of(value) not in {None, ACTIVE}
                if is_second or (is_word and not rule):
                    self._refuse(name, value)

    def _refuse(self, name: str, value: object) -> None:
        if value not in (None, ""):
            message = NOT_PLANNED.format(name=name, field=self._field(name.rpartition(".")[2]))
            raise InvalidRequest(Fault(name, message))

    def _field(self, name: str) -> str:
        """Return the field that a name is read as, or would be mapped to."""
        field, _ = self._fields.synonyms.get(folded(name), ("status", 0))
        return field


def paths_in(
    path: str, value: Mapping[str, object], *, levels: int = MOST_LEVELS
) -> Iterator[tuple[str, object]]:
    """Yield the paths into an object that say who may get mail, each with its value."""
    for key, inner in value.items():
        name = f"{path}.{key}"
        if isinstance(inner, dict):
            if levels > 1:
                yield from paths_in(name, inner, levels=levels - 1)
        elif says_standing(key):
            yield name, inner


def are_words(*, filled: int, words: int, stops: int) -> bool:
    """Tell whether a column's cells are words of statuses, of which `stops` stop mail.

    One word alone counts where it stops mail: a single `active` may be anything's.
    """
    fewest = 1 if stops else _FEWEST_WORDS
    return words >= max(fewest, _STATUS_SHARE * filled)
