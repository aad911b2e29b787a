"""Names that people compare by eye, of events, lists and sequences: no sign in them is unseen.

`signup` and `signup` with a zero width space look the same and are two names; a sign of direction
shows the letters after it in another order.
"""

import re
import unicodedata

from idna.core import valid_contextj

# Unicode's Default_Ignorable_Code_Point (16.0), annotations, and the blank braille pattern.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINERS = "\u200c\u200d"
# The styles of a symbol: as text, as a picture.
_STYLES = "\ufe0e\ufe0f"
_KEYCAP = "\u20e3"


def find_unseen(name: str) -> str | None:
    """Return the first sign that cannot be seen, such as `U+200B`, or None.

    Joiners stay where Persian, the scripts of India and emoji need them (RFC 5892, appendix A.1 and
    A.2; UTS 51), and so does the style of a symbol.
    """
    if name.isascii():
        return None
    for found in _UNSEEN.finditer(name):
        if not _is_needed(name, found.start()):
            return f"U+{ord(found[0]):04X}"
    return None


def without_unseen(name: str) -> str:
    return _UNSEEN.sub("", name)


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
