"""A mail's body in Markdown, as HTML with the same merge tags.

It becomes HTML once, before any value is filled in: a person's name is never read as Markdown. HTML
within it is shown as text, and so is a link to `javascript:` and the like.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from html import escape

from markdown_it import MarkdownIt

MOST_BYTES = 32 * 1024
# Each reads the rest of the text: 32 KiB of them take a second (markdown-it-py 4.3, measured).
MOST_BRACKETS = 500
BODIES_KEPT = 256

_OPENING = re.compile(r"\{[{%]")
_WITH_END = re.compile(r"\{%-?\s*(raw|comment)\b")
_ENDS = {name: re.compile(rf"\{{%-?\s*end{name}\s*-?%\}}") for name in ("raw", "comment")}


@lru_cache(maxsize=BODIES_KEPT)
def to_html(source: str) -> str:
    """Return the HTML template; the source itself is a template as well."""
    # Nobody can write it: the source would have to contain its own hash.
    mark = f"m{sha256(source.encode()).hexdigest()[:24]}m"
    tags: list[str] = []

    texts: list[str] = []
    position = 0
    for start, end, is_shown, tag in _tags(source):
        # The last letter tells a tag that prints something from one that decides.
        texts += (source[position:start], f"{mark}{len(tags)}{'v' if is_shown else 'd'}")
        tags.append(tag)
        position = end
    text = "".join((*texts, source[position:]))
    deciding = rf"(?:{mark}\d+d[ \t]*)+"
    # A line of such tags alone belongs to no paragraph or list beside it.
    text = re.sub(rf"^[ \t]*{deciding}$", "\n\\g<0>\n", text, flags=re.MULTILINE)
    page = _parser().render(text)
    page = re.sub(rf"<p>({deciding})</p>", r"\1", page)
    return re.sub(rf"{mark}(\d{{1,6}})[vd]", lambda found: tags[int(found[1])], page)


def _tags(source: str) -> Iterator[tuple[int, int, bool, str]]:
    """Yield where each tag begins and ends, whether it prints something, and its HTML.

    From one that has no end on there are none: the template is refused for it.
    """
    position = 0
    while opening := _OPENING.search(source, position):
        start = opening.start()
        is_shown = opening[0] == "{{"
        end = source.find("}}" if is_shown else "%}", start + 2)
        if end < 0:
            return
        position = inner = end + 2
        tag = source[start:inner]
        if named := _WITH_END.match(tag):
            closing = _ENDS[named[1]].search(source, inner)
            if closing is None:
                return
            position = closing.end()
            is_shown = named[1] == "raw"
            tag = source[start:position]
            if is_shown:
                raw = escape(source[inner : closing.start()])
                tag = source[start:inner] + raw + closing[0]
        yield start, position, is_shown, tag


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")
