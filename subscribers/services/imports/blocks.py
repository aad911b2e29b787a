"""The rows of a stored file in the database: blocks of whole lines, read from any row on."""

from collections.abc import Iterable, Iterator

from subscribers.models import ImportBlock, ImportRun
from subscribers.rows import kept_rows
from subscribers.rows.row import Row

# At least so much is in each block but the last.
BLOCK_BYTES = 1_048_576


def joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Join whole lines, so that erasing somebody finds each of their rows in one block."""
    block = bytearray()
    for line in lines:
        block += line
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def store(*, run: ImportRun, offset: int, content: bytes) -> int:
    """Store a block; returns where the next one begins. In the caller's transaction."""
    ImportBlock.objects.create(run=run, offset=offset, content=content)
    return offset + len(content)


def read(*, run: ImportRun, tables: kept_rows.Tables) -> Iterator[Row]:
    """Yield the rows from the run's checkpoint on, with one block in memory."""
    return kept_rows.read(_contents(run), tables=tables, start=run.byte_offset)


def _contents(run: ImportRun) -> Iterator[tuple[int, bytes]]:
    rows = run.blocks.order_by("offset")
    block = rows.filter(offset__lte=run.byte_offset).last()
    while block is not None:
        yield block.offset, bytes(block.content)
        block = rows.filter(offset__gt=block.offset).first()
