"""How a file's columns are read: the plan that is shown, stored with the run, and followed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from subscribers.rows.headers import folded

BY_MAP = "--map"
BY_NAME = "the same name"
BY_SYNONYM = "a known name"
IGNORED = "--ignore-column"
# Before the product's name.
OF_PRESET = "--from"
# Before the field that another column is.
ANOTHER = "another column is "


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column of the file, or one path into its objects; without a field it is not used."""

    field: str = ""
    # Why it is that field, or why it is not used.
    rule: str = ""
    # How its cells are written: a separator, a time's form, or a type. Empty: as we write them.
    form: str = ""
    samples: tuple[str, ...] = ()


class ColumnPlan(msgspec.Struct, frozen=True, omit_defaults=True):
    columns: dict[str, Column] = {}
    # What words of the file mean, by field and folded word.
    values: dict[str, dict[str, str]] = {}
    # The same value for every row, by field.
    constants: dict[str, Any] = {}
    # The zone of times that name none.
    zone: str = "UTC"
    # How many good rows were looked at to decide it; 0 for a pipe.
    rows: int = 0
    # Whether cells of attributes and properties whose column has no form stay texts.
    is_text_kept: bool = False
    # The name of each file, and the status of all of its rows where the name says one.
    files: tuple[tuple[str, str], ...] = ()

    def said_of_file(self, index: int) -> dict[str, str]:
        """Return what the name of a file says of all of its rows, by field."""
        status = self.files[index][1] if index < len(self.files) else ""
        return {"status": status} if status else {}

    def without_samples(self) -> "ColumnPlan":
        """Return the plan without what the file says of people."""
        bare = {
            name: msgspec.structs.replace(column, samples=())
            for name, column in self.columns.items()
        }
        return msgspec.structs.replace(self, columns=bare)


NO_PLAN = ColumnPlan()


def as_stored(plan: ColumnPlan) -> dict[str, Any]:
    """Return the plan as JSON; columns are pairs, as databases keep no order of keys."""
    stored: dict[str, Any] = msgspec.to_builtins(plan)
    return stored | {"columns": [list(pair) for pair in stored.get("columns", {}).items()]}


def from_stored(stored: Mapping[str, Any]) -> ColumnPlan:
    return msgspec.convert({**stored, "columns": dict(stored["columns"])}, ColumnPlan)


def renaming(renamed: dict[str, str], *, is_text_kept: bool = False) -> ColumnPlan:
    """Return the plan that maps the file's names to ours and decides nothing else."""
    columns = {theirs: Column(ours, BY_MAP) for theirs, ours in renamed.items()}
    return ColumnPlan(columns=columns, is_text_kept=is_text_kept)


def value_key(text: str) -> str:
    """Return the key of a word in `ColumnPlan.values`; signs alone have no letters to compare."""
    return folded(text) or text.strip()
