"""Whether a file is UTF-8 all through, and which encoding it may be if it is not.

A file is never read half in one encoding and half in another: it is asked for before a row is
written.
"""

from charset_normalizer import from_bytes

from subscribers.rows.blocks import BlockReader, LongLine
from subscribers.rows.row import InvalidFile

# What spreadsheets and exports are in, when they are not in UTF-8.
_LIKELY = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "mac_roman", "shift_jis",
    "gb18030", "big5", "euc_kr",
]  # fmt: skip
_MOST_LINES = 200
_FIRST_BEYOND_ASCII = 0x80
_LONGEST_SHOWN = 40


def is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except LookupError:
        return False
    return True


def check(reader: BlockReader) -> None:
    """Read a file to its end; raises `InvalidFile` with a guess where a byte is not UTF-8."""
    line = 1
    while block := reader.next_block():
        if isinstance(block, LongLine):
            line += 1
            continue
        try:
            block.decode()
        except UnicodeDecodeError as error:
            raise InvalidFile(_refusal(reader.name, line, block, error)) from error
        line += block.count(b"\n")


def _refusal(name: str, line: int, block: bytes, error: UnicodeDecodeError) -> str:
    line += block.count(b"\n", 0, error.start)
    lines = [each for each in block.splitlines() if any(b >= _FIRST_BEYOND_ASCII for b in each)]
    best = from_bytes(b"\n".join(lines[:_MOST_LINES]), cp_isolation=_LIKELY).best()
    encoding = "cp1252" if best is None else best.encoding
    start = max(block.rfind(b"\n", 0, error.start) + 1, error.start - _LONGEST_SHOWN // 2)
    shown = block[start : start + _LONGEST_SHOWN].split(b"\n")[0].decode(encoding, "replace")
    return (
        f"{name}, line {line}: is not UTF-8. It may be {encoding}, and then has: {shown.strip()}. "
        f"If that is right, give --encoding {encoding}; with --encoding utf-8 such rows are "
        "rejected."
    )
