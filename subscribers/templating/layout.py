"""The layout of a workspace's mails: HTML with one place for what a mail says.

It is cut there in two, which are templates of their own, so no tag can be open around the place.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from subscribers.templating import html as mail_html
from subscribers.templating import merge_tags
from subscribers.templating.merge_tags import TemplateFault
from subscribers.templating.reader import Reader

MOST_BYTES = 64 * 1024
# Without the confirmation's link, which other mail does not have.
ROOTS = ("subscriber", "event", "workspace", "unsubscribeUrl")
LAYOUTS_KEPT = 64

_PLACE = re.compile(r"\{\{-?\s*content\s*-?\}\}")
_DOCUMENT = re.compile(r"<(?:!doctype|html)\b", re.IGNORECASE)
_SEEN = "content-is-here"


def check(layout: str) -> None:
    """Raise `TemplateFault` for a layout that cannot be used."""
    size = len(layout.encode())
    if size > MOST_BYTES:
        raise TemplateFault(f"It has {size:,} bytes; at most {MOST_BYTES:,} are allowed.")
    count = len(_PLACE.findall(layout))
    if count != 1:
        found = f"it is there {count} times" if count else "it is missing"
        raise TemplateFault(f"Write {{{{content}}}} once, where the mail belongs: {found}.")
    shown = _PLACE.sub(_SEEN, layout)
    # As a whole first, for the line of a fault.
    merge_tags.check(shown, roots=ROOTS)
    try:
        for part in _halves(layout):
            merge_tags.check(part, roots=ROOTS)
    except TemplateFault as fault:
        raise TemplateFault(
            "{{content}} stands within a {% … %} that begins before it and ends after it, or a "
            "name from before it is used after it. Each side must be whole by itself."
        ) from fault
    if _SEEN not in mail_html.to_text(shown):
        raise TemplateFault(
            "{{content}} stands where nobody would see it: in a comment, a style or within a tag."
        )


def is_document(html: str) -> bool:
    """Tell whether a mail is a whole page of its own, which goes into no layout."""
    return _DOCUMENT.search(html) is not None


def taken_by(html: str, *, layout: str, is_wanted: bool) -> str:
    """Return the layout that a mail's HTML template goes into; "" for none."""
    return layout if layout and is_wanted and not is_document(html) else ""


def around(
    content: str, *, layout: str, data: Mapping[str, Any], reader: Reader | None = None
) -> str:
    """Return rendered HTML within the layout, rendered with plain data; the content alone where the
    layout has no place for it. Raises `TemplateFault`.
    """
    halves = _halves(layout)
    if len(halves) == 1:
        return content
    try:
        before, after = (
            merge_tags.render_plain(half, data, is_html=True, reader=reader) for half in halves
        )
    except TemplateFault as fault:
        raise TemplateFault(f"The workspace's layout: {fault}") from fault
    return f"{before}{content}{after}"


@lru_cache(maxsize=LAYOUTS_KEPT)
def _halves(layout: str) -> list[str]:
    return _PLACE.split(layout, maxsplit=1)
