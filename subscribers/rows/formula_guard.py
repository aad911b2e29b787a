"""Guards cells that spreadsheets would run as formulas; reading removes the guard.

OWASP, "CSV Injection": a cell that begins with `= + - @`, TAB or CR may be run as a formula.
"""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_QUOTED = tuple(f"'{first}" for first in (*_FORMULA, "'"))
_GUARDED = (*_FORMULA, *_QUOTED)


def guarded(text: str) -> str:
    """Return the cell's text with a `'` before what a spreadsheet would run.

    A text that looks guarded already gets one more, so that `unguarded` restores every text.
    """
    return f"'{text}" if text.startswith(_GUARDED) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith(_QUOTED) else text
