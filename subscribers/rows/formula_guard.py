"""Cells that spreadsheets take for formulas: guarded when written, as they were when read.

OWASP, "CSV Injection": a cell that begins with `= + - @`, TAB or CR may be run as a formula.
"""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_QUOTED = tuple(f"'{first}" for first in (*_FORMULA, "'"))
_GUARDED = (*_FORMULA, *_QUOTED)


def guarded(text: str) -> str:
    """Return the cell's text with a `'` before what a spreadsheet would run.

    A text that looks guarded already gets one more, so that `unguarded` always gives it back.
    """
    return f"'{text}" if text.startswith(_GUARDED) else text


def unguarded(text: str) -> str:
    """Return the text that was guarded; one without a guard as it is."""
    return text[1:] if text.startswith(_QUOTED) else text
