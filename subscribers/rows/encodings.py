"""Whether a file is UTF-8 all through, and which encoding it may be if it is not.

A file is never read half in one encoding and half in another: the encoding is asked for before a
row is written.
"""

import codecs
import re
from collections.abc import Sequence

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
_WESTERN = "cp1252"
# Where they fit as well, the first is the guess: Western, old Macs, Central European, Turkish.
_ALPHABETS = (_WESTERN, "mac_roman", "cp1250", "cp1254")
# What no name has: a sign within a word or before it, a capital after a small letter, or a byte
# that the encoding does not have.
_ODD = re.compile(
    r"(?<=[^\W\d_])[^\w\s\x00-\x7f\u2010-\u2014\u2019\u2026](?=[^\W\d_])"
    r"|[\u00a3\u00af](?=[^\W\d_])|(?<=[^\W\d_])\u2018|\u0178(?=[a-z])"
    r"|[\x80-\x9f\u02c6\u02c7\u02d8-\u02dd\ufffd]"
    r"|(?<=[a-z\u00df-\u00f6\u00f8-\u00ff])[\u00c0-\u00d6\u00d8-\u00de\u0160\u0178\u017d]"
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
    sample = b"\n".join(cells)
    encoding = _guess(sample)
    shown = _samples(cells, encoding)
    others = [
        f"as {each} it has {read}"
        for each in _ALPHABETS
        if encoding in _ALPHABETS
        and _oddness(sample, each) <= _oddness(sample, encoding)
        and (read := _samples(cells, each)) != shown
    ]
    guessed = f" It is a guess: {'; '.join(others)}." if others else ""
    return (
        f"{name}, line {line}: is not UTF-8. It may be {encoding}, and then has: {shown}. "
        f"If that is right, give --encoding {encoding}; with --encoding utf-8 such rows are "
        f"rejected.{guessed}"
    )


def _samples(cells: Sequence[bytes], encoding: str) -> str:
    texts = dict.fromkeys(_shown(cell.decode(encoding, "replace")) for cell in cells)
    return ", ".join(list(texts)[:_MOST_SHOWN])


def _shown(text: str) -> str:
    """Return what is around the first letter beyond ASCII."""
    first = next((place for place, letter in enumerate(text) if not letter.isascii()), 0)
    start = max(first - _LONGEST_SHOWN // 2, 0)
    return text[start : start + _LONGEST_SHOWN].strip()


def _guess(sample: bytes) -> str:
    """Return the likeliest alphabet if it can be one: of a few names no guess is certain."""
    found = from_bytes(sample, cp_isolation=_LIKELY)
    best = found.best()
    likeliest = min(_ALPHABETS, key=lambda each: _oddness(sample, each))
    if best is None:
        return likeliest
    chaos = next((each.chaos for each in found if likeliest in each.could_be_from_charset), 1.0)
    return best.encoding if chaos > best.chaos + _CLEARLY_MORE_CHAOS else likeliest


def _oddness(sample: bytes, encoding: str) -> int:
    return len(_ODD.findall(sample.decode(encoding, "replace")))
