"""Writes rows as lines of CSV or JSONL, which the imports read back.

A row is a struct with the wire's field names (`rename="camel"`), plain JSON values and times in
UTC. Both forms are UTF-8. CSV follows RFC 4180, with objects as JSON, names as in `name_cells`, and
cells guarded that a spreadsheet would run as formulas.
"""

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from subscribers.rows import name_cells
from subscribers.rows.formula_guard import guarded
from subscribers.rows.row import JSONL

# PostgreSQL writes numbers as decimals: 1e300 comes back with 301 digits, and a value within the
# limits would be over them. A double has 17 significant digits.
_LONG_NUMBER = re.compile(r"\d{40}")
_LONGEST_DOUBLE = 40
_encoder = msgspec.json.Encoder()


def heading(*, row_type: type[msgspec.Struct], line_format: str) -> bytes:
    """Return the header; `line_format` is `csv` or `jsonl`."""
    if line_format == JSONL:
        return b""
    names = [field.encode_name for field in msgspec.structs.fields(row_type)]
    return ",".join(names).encode() + b"\r\n"


def lines(*, rows: Sequence[msgspec.Struct], line_format: str) -> bytes:
    if line_format == JSONL:
        return _encoder.encode_lines(rows)
    text = io.StringIO(newline="")
    # CRLF, as in RFC 4180: with another ending, cells with a lone CR would not be quoted.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([_cell(value) for value in msgspec.structs.astuple(row)] for row in rows)
    return text.getvalue().encode()


def stored(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value that a database wrote, with numbers as short as they came."""
    value = msgspec.json.decode(text)
    return _shortened(value) if _LONG_NUMBER.search(text) else value


def _cell(value: object) -> str:
    match value:
        case str():
            return guarded(value)
        case None:
            return ""
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case list():
            return guarded(name_cells.joined(value))
        case _:
            return msgspec.json.encode(value).decode()


def _shortened(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    is_long = isinstance(value, int) and len(str(value)) >= _LONGEST_DOUBLE
    return _as_double(value) if is_long else value


def _as_double(number: int) -> int | float:
    """Return the number as a double where its shortest form is that very number."""
    double = float(number)
    return double if Decimal(repr(double)) == number else number
