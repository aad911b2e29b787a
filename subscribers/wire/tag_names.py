"""The one form of a tag's name: `"VIP_User"`, `"vip user"` and `"vip-user"` are the same tag."""

import re
import unicodedata

from subscribers.wire import names

LONGEST = 100
_GAPS = re.compile(r"[\s_-]+")


class InvalidTagName(ValueError):
    """The name is empty once normalised, or too long; the message says which."""

    code = "VALIDATION_ERROR"


def normalise(text: str) -> str:
    """Return the name: NFKC, lower case, gaps as one hyphen, letters and digits that are
    seen.

    Raises `InvalidTagName` when it is empty or longer than 100 characters; never cuts.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    hyphenated = _GAPS.sub("-", folded)
    seen = names.without_unseen(hyphenated)
    kept = "".join(sign for sign in seen if sign == "-" or _is_letter_or_digit(sign))
    name = re.sub("-+", "-", kept).strip("-")
    if not name:
        raise InvalidTagName("needs at least one letter or digit.")
    if len(name) > LONGEST:
        raise InvalidTagName(f"is longer than {LONGEST} characters.")
    return name


def _is_letter_or_digit(sign: str) -> bool:
    # Marks belong to the letters before them: without them Hindi and Thai names fall apart.
    return unicodedata.category(sign)[0] in "LNM"
