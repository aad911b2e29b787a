"""Texts without regard to case, the same in Python, SQLite and PostgreSQL.

SQLite folds ASCII only, and PostgreSQL as its locale says. So letters are folded by a table: Latin
with its accents, Greek and Cyrillic, each one letter to one letter.
"""

_BLOCKS = ((0x41, 0x5B), (0xC0, 0x180), (0x386, 0x3CF), (0x400, 0x530))
_PAIRS = {
    chr(code): chr(code).lower()
    for start, end in _BLOCKS
    for code in range(start, end)
    if chr(code).lower() != chr(code) and len(chr(code).lower()) == 1
}
UNFOLDED = "".join(_PAIRS)
FOLDED = "".join(_PAIRS.values())
_TABLE = str.maketrans(_PAIRS)


def fold(text: str) -> str:
    return text.translate(_TABLE)
