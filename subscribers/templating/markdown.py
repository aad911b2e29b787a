"""A mail's body in Markdown, as HTML with the same merge tags.

It becomes HTML once, before any value is filled in: a person's name is never read as Markdown. HTML
within it is shown as text, and so is a link to `javascript:` and the like.
"""

import re
from functools import lru_cache
from hashlib import sha256
from html import escape

from markdown_it import MarkdownIt

# 64 KiB of opening brackets take five seconds (markdown-it-py 4.3, measured).
MOST_BYTES = 32 * 1024
BODIES_KEPT = 256

_TAG = re.compile(
    r"(?P<open>\{%-?\s*raw\b.*?%\})(?P<raw>.*?)(?P<close>\{%-?\s*endraw\s*-?%\})"
    r"|\{%-?\s*comment\b.*?\{%-?\s*endcomment\s*-?%\}|\{\{.*?\}\}|\{%.*?%\}",
    re.DOTALL,
)


@lru_cache(maxsize=BODIES_KEPT)
def to_html(source: str) -> str:
    """Return the HTML template; the source itself is a template as well."""
    # Nobody can write it: the source would have to contain its own hash.
    mark = f"m{sha256(source.encode()).hexdigest()[:24]}m"
    tags: list[str] = []

    def marked(found: re.Match[str]) -> str:
        raw = found["raw"]
        tags.append(found[0] if raw is None else found["open"] + escape(raw) + found["close"])
        # The last letter tells a tag that prints something from one that decides.
        prints = raw is not None or found[0].startswith("{{")
        return f"{mark}{len(tags) - 1}{'v' if prints else 'd'}"

    text = _TAG.sub(marked, source)
    deciding = rf"(?:{mark}\d+d[ \t]*)+"
    # A line of such tags alone belongs to no paragraph or list beside it.
    text = re.sub(rf"^[ \t]*{deciding}$", "\n\\g<0>\n", text, flags=re.MULTILINE)
    page = _parser().render(text)
    page = re.sub(rf"<p>({deciding})</p>", r"\1", page)
    return re.sub(rf"{mark}(\d{{1,6}})[vd]", lambda found: tags[int(found[1])], page)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")
