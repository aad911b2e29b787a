"""What a survey has seen of one column, in memory that does not grow with the rows."""

from collections import Counter
from collections.abc import Iterable

from subscribers.rows import name_cells, times, typed_cells
from subscribers.rows.faults import storable
from subscribers.rows.status_words import ACTIVE, status_of
from subscribers.wire import json_gate

MOST_SAMPLES = 3
LONGEST_SAMPLE = 40
_MOST_NAMED = 20
# The form of a cell that is no time.
NO_TIME = "none"


class ColumnLook:
    def __init__(self, field: str, rule: str, rank: int) -> None:
        """Note what the column is, why, and how well that fits."""
        self.field, self.rule, self.rank = field, rule, rank
        self.samples: dict[str, None] = {}
        # Of the cells, those of a status, and those of one that stops mail.
        self.filled = self.words = self.stops = 0
        # Of times by form, of other columns one for each separator or type that a cell has.
        self.forms: Counter[str] = Counter()
        self.example = ""

    def sample(self, value: object) -> None:
        if value is None or value == "":
            return
        self.filled += 1
        text = value if isinstance(value, str) else json_gate.compact(value).decode()
        status = status_of(text)
        self.words += status is not None
        self.stops += status not in {None, ACTIVE}
        if len(self.samples) < MOST_SAMPLES:
            self.samples[shortened(text)] = None

    def judge_names(self, value: object) -> None:
        if isinstance(value, str):
            # In objects a text is asked to be parted, whatever is in it.
            self.forms.update({"", *name_cells.separators_in(value)})

    def judge_time(self, value: object) -> None:
        trimmed = str(value).strip()
        if trimmed and not times.STRICT.fullmatch(trimmed):
            form = times.form_of(trimmed)
            self.forms[form or NO_TIME] += 1
            self.example = self.example or trimmed
        elif trimmed:
            # As the API takes it.
            self.forms[""] += 1

    def judge_type(self, value: object) -> None:
        if not isinstance(value, str) or typed_cells.TEXT not in self.forms:
            self.forms[typed_cells.type_of(str(value))] += 1


def shortened(text: str) -> str:
    shown = storable(text[:200])
    return shown if len(shown) <= LONGEST_SAMPLE else f"{shown[: LONGEST_SAMPLE - 1]}…"


def listed(columns: Iterable[str]) -> str:
    """Return the first names, and how many follow."""
    names = [shortened(column) for column in columns]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
