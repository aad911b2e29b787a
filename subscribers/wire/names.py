"""Names that people compare by eye, of events, lists and sequences: no sign in them is unseen, and
all blanks are spaces.

`signup` and `signup` with a zero width space look the same and are two names; a sign of direction
shows the letters after it in another order. Release 0.2.0 stored such names: compare stored ones by
`plain`, so that one with another blank goes on working.
"""

import re
import unicodedata

from idna.core import valid_contextj

# Beside the category Cf: Default_Ignorable_Code_Point (Unicode 16.0), the place of an object, Cf of
# versions that a Python may not know, and what the code charts show as blank: of braille, of
# hieroglyphs, of the Khitan script, of music.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufffc\U00013430-\U0001343f\U00013441\U00013442\U00016fe4\U0001d159"
    "\U000e0000-\U000e0fff]"
)
# Of Cf, but seen around the digits after them: Prepended_Concatenation_Mark, without the Syriac
# abbreviation mark, which few fonts show.
_SEEN = re.compile("[\u0600-\u0605\u06dd\u0890\u0891\u08e2\U000110bd\U000110cd]")
_JOINERS = "\u200c\u200d"
# The styles of a symbol: as text, as a picture.
_STYLES = "\ufe0e\ufe0f"
_KEYCAP = "\u20e3"


def plain(name: str) -> str:
    """Return the name trimmed, each run of blanks of any kind as one space."""
    return " ".join(name.split())


def find_unseen(name: str) -> str | None:
    """Return the first sign that cannot be seen, such as `U+200B`, or None.

    Joiners stay where Persian, the scripts of India and emoji need them (RFC 5892, appendix A.1 and
    A.2; UTS 51), and so does the style of a symbol.
    """
    if name.isascii():
        return None
    for place, sign in enumerate(name):
        if _is_unseen(sign) and not _is_needed(name, place):
            return f"U+{ord(sign):04X}"
    return None


def without_unseen(name: str) -> str:
    return "".join(sign for sign in name if not _is_unseen(sign))


def _is_unseen(sign: str) -> bool:
    is_format = unicodedata.category(sign) == "Cf" and not _SEEN.match(sign)
    return is_format or _UNSEEN.match(sign) is not None


def _is_needed(name: str, place: int) -> bool:
    sign, before, after = name[place], name[place - 1 : place], name[place + 1 : place + 2]
    if sign in _STYLES:
        return after == _KEYCAP or _is_symbol(before)
    if sign not in _JOINERS:
        return False
    if _is_symbol(after) and (before in _STYLES or _is_symbol(before)):
        return True
    try:
        return valid_contextj(name, place)
    except ValueError:
        # A neighbour that this version of Unicode does not know.
        return False


def _is_symbol(sign: str) -> bool:
    return bool(sign) and not sign.isascii() and unicodedata.category(sign)[0] in "SP"
