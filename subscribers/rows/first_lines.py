"""What the first lines of a table say about a header that names nobody."""

import csv
import re
from io import BytesIO
from itertools import islice

from subscribers.rows.blocks import LongLine, opened
from subscribers.rows.csv_rows import delimiter_of
from subscribers.rows.headers import OF_PERSON, folded, ranked
from subscribers.rows.row import CSV, InvalidFile, Source

_MOST_LINES = 20
_PERSON = {
    header for header, (field, _) in ranked(OF_PERSON).items() if field in {"email", "externalId"}
}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def advice(source: Source) -> str:
    """Return a sentence that begins with a blank, empty where there is nothing to say."""
    if source.format != CSV:
        return ""
    try:
        with opened(source) as reader:
            block = reader.next_block()
    except InvalidFile:
        return ""
    lines = [] if isinstance(block, LongLine) else islice(BytesIO(block), _MOST_LINES)
    first: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        text = line.decode("utf-8", "replace")
        cells = _cells(text, source.delimiter if first is None else "")
        if _PERSON.intersection(map(folded, cells)):
            if first is None:
                return ""
            return f" Line {number} looks like the header: delete the lines before it."
        first = first or (cells if text.strip() else None)
    if first and any(map(_ADDRESS.fullmatch, first)):
        return (
            " Its first line looks like a row: add a line before it that names the columns, such "
            "as email."
        )
    return ""


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        found = next(csv.reader([text], delimiter=delimiter or delimiter_of([text])), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in found]
