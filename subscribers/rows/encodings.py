"""Whether a file is UTF-8 all through, and which encoding it may be if it is not.

A file is never read half in one encoding and half in another: the encoding is asked for before a
row is written.
"""

import codecs
import re

from charset_normalizer import from_bytes

from subscribers.rows.blocks import BlockReader, LongLine
from subscribers.rows.row import InvalidFile

# What spreadsheets and exports are in, when they are not in UTF-8.
_LIKELY = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "mac_roman", "shift_jis",
    "gb18030", "big5", "euc_kr",
]  # fmt: skip
_MOST_CELLS = 1_000
_MOST_SHOWN = 3
_LONGEST_SHOWN = 40
# Between cells: signs that are no second byte of the encodings above.
_BETWEEN = re.compile(rb"[,;\t\r\n\"]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_WESTERN, _POLISH = "cp1252", "cp1250"
# Polish letters, read as Western ones.
_SIGNS_IN_WORDS = re.compile(
    r"(?<=[^\W\d])[\u00b9\u00b3\u00bf](?=[^\W\d])|[\u00a3\u00af](?=[^\W\d])"
)
# Of 1, as charset-normalizer counts it.
_CLEARLY_MORE_CHAOS = 0.1


def is_encoding(name: str) -> bool:
    """Tell whether texts are in it, piece by piece and with bytes that it does not have."""
    try:
        "".encode(name)
        codecs.getincrementaldecoder(name)("surrogateescape").decode(b"a")
    except (LookupError, UnicodeError):
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
    start = block.rfind(b"\n", 0, error.start) + 1
    cells = [cell.strip() for cell in _BETWEEN.split(block[start:]) if _BEYOND_ASCII.search(cell)][
        :_MOST_CELLS
    ]
    encoding = _guess(b"\n".join(cells))
    shown = [_shown(cell.decode(encoding, "replace")) for cell in cells]
    return (
        f"{name}, line {line}: is not UTF-8. It may be {encoding}, and then has: "
        f"{', '.join(list(dict.fromkeys(shown))[:_MOST_SHOWN])}. "
        f"If that is right, give --encoding {encoding}; with --encoding utf-8 such rows are "
        "rejected."
    )


def _shown(text: str) -> str:
    """Return what is around the first letter beyond ASCII."""
    first = next((place for place, letter in enumerate(text) if not letter.isascii()), 0)
    start = max(first - _LONGEST_SHOWN // 2, 0)
    return text[start : start + _LONGEST_SHOWN].strip()


def _guess(sample: bytes) -> str:
    """Return the Western encoding if it can be that: of a few names the guess is as good as any."""
    found = from_bytes(sample, cp_isolation=_LIKELY)
    best = found.best()
    if best is None:
        return _WESTERN
    chaos = next((each.chaos for each in found if _WESTERN in each.could_be_from_charset), 1.0)
    if chaos > best.chaos + _CLEARLY_MORE_CHAOS:
        return best.encoding
    return _POLISH if _SIGNS_IN_WORDS.search(sample.decode(_WESTERN, "replace")) else _WESTERN
