"""The plan of a file in lines for people: what each column became, why, and what it has."""

from collections.abc import Iterator

from subscribers.rows import times
from subscribers.rows.headers import folded
from subscribers.rows.plans import ColumnPlan

MOST_COLUMNS = 60
LONGEST_NAME = 40
# `name` is the event's, in files of events.
_NAMES, _WHOLE_NAMES = ("firstName", "lastName", "name"), ("name", "fullname", "contactname")
_NAIVE = frozenset({times.ISO, times.DAY_FIRST, times.MONTH_FIRST, times.EXCEL})


def as_lines(plan: ColumnPlan) -> Iterator[str]:
    """Yield a line for each column, those that are not used last; texts are outsiders'."""
    has_name = any(column.field in _NAMES for column in plan.columns.values())
    shown = sorted(plan.columns.items(), key=lambda pair: not pair[1].field)
    for theirs, column in shown[:MOST_COLUMNS]:
        is_name = not (column.field or has_name) and folded(theirs) in _WHOLE_NAMES
        advice = "--split-name parts it into first and last name" if is_name else ""
        parts = (column.rule, column.form and f"as {column.form}", advice)
        details = "; ".join(filter(None, parts))
        became = f"{column.field or 'not used'}{f' ({details})' if details else ''}"
        such_as = f": {', '.join(column.samples)}" if column.samples else ""
        yield _printable(f"{theirs[:LONGEST_NAME]} → {became}{such_as}")
    if len(shown) > MOST_COLUMNS:
        yield f"and {len(shown) - MOST_COLUMNS} more columns"
    for name, words in plan.values.items():
        if "" in words:
            yield _printable(f"rows without {name} → {name}: {words['']}")
    for name, status in plan.files:
        if status:
            yield _printable(f"every row of {name} → status: {status}")
    for name, value in plan.constants.items():
        yield _printable(f"every row → {name}: {value}")
    if any(each.form in _NAIVE or "%" in each.form for each in plan.columns.values()):
        yield f"Times without a time zone are in {plan.zone}."


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
