"""What a kind of import does with files: the commands and the admin's imports ask the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from subscribers.models import ImportRun
from subscribers.rows.columns import Fields
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.survey import Needs, RestOfPreset
from subscribers.services.imports.loop import Importer

# As JSON, by the names under which they are kept with a run.
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    # What columns may be.
    fields: Callable[[Options], Fields]
    # The fields that a file must have, each with what to do about it.
    needs: Callable[[Options], Needs]
    # The fields of the columns of a product's export.
    preset: Callable[[Options], Mapping[str, str]]
    # What tells the fields of the product's other columns.
    preset_rest: Callable[[Options], RestOfPreset | None] = lambda _options: None
    # What parses and writes rows; a dry run's may leave out what is rolled back anyway.
    importer: Callable[[ImportRun, Options, ColumnPlan], Importer[Any]]
