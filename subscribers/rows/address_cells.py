"""Addresses as people copy them into a sheet: `mailto:`, `Ada <ada@example.com>`, hidden signs.

Only an address that is not valid as it stands is looked at, so that no valid one changes.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

# Around an address; a quote alone may be a part of one, which is valid as it stands.
_AROUND = (
    " \t\r\n\u00a0\u2007\u202f\u3000;,\"'`"
    "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"
)
_IN_ANGLES = re.compile(r"[^<>]*<([^<>]*)>")
_MAILTO = "mailto:"


def bared(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the body with the address alone; None where there is nothing around it."""
    given = body.get("email")
    if not isinstance(given, str):
        return None
    found = _bare(given)
    return None if found == given.strip() else {**body, "email": found}


def _bare(text: str) -> str:
    # Marks of direction and of zero width, which come with what is copied from a page.
    seen = "".join(each for each in text if unicodedata.category(each) != "Cf").strip(_AROUND)
    angles = _IN_ANGLES.fullmatch(seen)
    address = (angles[1] if angles else seen).strip(_AROUND)
    if address[: len(_MAILTO)].lower() == _MAILTO:
        address = address[len(_MAILTO) :].partition("?")[0].strip(_AROUND)
    return address
