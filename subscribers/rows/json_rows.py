"""Rows of JSONL: each line an object, decoded by the API's JSON gate."""

from collections.abc import Iterator
from io import BytesIO

from subscribers.rows.blocks import BEGINNING_BYTES, BlockReader, LongLine
from subscribers.rows.row import MOST_ROW_BYTES, Place, Row
from subscribers.wire import json_gate
from subscribers.wire.payloads import Fault, type_name

TOO_LONG = Fault("row", f"is longer than {MOST_ROW_BYTES} bytes.")


def read(*, reader: BlockReader, start: Place) -> Iterator[Row]:
    """Yield the rows of an open file from `start` on; blank lines are skipped."""
    reader.skip_to(start.byte_offset)
    offset, line, index = reader.consumed, max(start.line, 1), start.file_index
    while block := reader.next_block():
        if isinstance(block, LongLine):
            offset += block.size
            line += 1
            yield Row(
                file_index=index,
                line=line - 1,
                fields=None,
                end_offset=offset,
                end_line=line,
                fault=TOO_LONG,
                raw=block.beginning,
            )
            continue
        for raw in BytesIO(block):
            offset += len(raw)
            line += 1
            text = raw.strip()
            if not text:
                continue
            fault: Fault | None = None
            try:
                value = json_gate.decode(text)
            except json_gate.InvalidJson as error:
                fault = _not_json(error)
            else:
                if type(value) is not dict:
                    fault = Fault("row", f"must be an object, not {type_name(value)}.")
            is_long = len(raw) > MOST_ROW_BYTES
            if is_long:
                fault = TOO_LONG
            yield Row(
                file_index=index,
                line=line - 1,
                fields=value if fault is None else None,
                end_offset=offset,
                end_line=line,
                fault=fault,
                raw=None if fault is None else raw[: BEGINNING_BYTES if is_long else None],
            )


def _not_json(error: json_gate.InvalidJson) -> Fault:
    return Fault("row", str(error).removeprefix("The body ").replace("(line 1, ", "("))
