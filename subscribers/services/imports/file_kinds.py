"""What a kind of import does with files: the commands and the admin's imports ask the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from subscribers.models import ImportRun
from subscribers.rows.columns import Fields
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.survey import Needs, Wishes
from subscribers.services.imports.loop import Importer

# As JSON, by the names under which they are kept with a run.
Options = Mapping[str, Any]
# The name of each file, and its columns; None where its rows are objects, or are read only once.
Headers = Sequence[tuple[str, tuple[str, ...] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    # What columns may be.
    fields: Callable[[Options], Fields]
    # The fields that a file must have, each with what to do about it.
    needs: Callable[[Options], Needs]
    # The wishes with what is known of a product's export; raises `InvalidFile`.
    completed: Callable[[Wishes, Options, Headers], Wishes]
    # Whether a file of that name is read; a product may export others beside it.
    is_taken: Callable[[Options, str], bool]
    # What parses and writes rows; a dry run's may leave out what is rolled back anyway.
    importer: Callable[[ImportRun, Options, ColumnPlan], Importer[Any]]
