"""The HTML of a mail: inlines its styles, adds the preview text, and makes the plain text.

Users write it, so each step takes linear time. `html.parser` does not: 60 KB of `<a ` keep it busy
for 19 s (Python 3.11.7, measured).
"""

import html
import re
from functools import lru_cache

import css_inline

# css_inline recurses by depth, and a full stack ends the whole process: at 2,500 to 3,000 nested
# elements with 2 MiB (measured). The number of elements bounds the depth.
MOST_NESTED = 1_500
# Characters of style sheets times elements; 20 million are about 0.1 s, and bound the result.
MOST_STYLING = 20_000_000
MOST_INLINED = 1024 * 1024

_ELEMENT = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*+)")
_STYLE = re.compile(r"<style\b", re.IGNORECASE)
_BODY = re.compile(r"<body\b[^<>]*+>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*+)([^<>]*+)>|<[!?][^<>]*+>")
_ATTRIBUTE = r"""(?<![\w-]){}\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))"""
_HREF = re.compile(_ATTRIBUTE.format("href"), re.IGNORECASE)
_ALT = re.compile(_ATTRIBUTE.format("alt"), re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n\f\xa0]+")
# A parser puts tbody and tr between a table and its cell; empty elements nest nothing.
_NESTED_BY = {"table": 3, **dict.fromkeys(("br", "img", "hr", "meta", "link", "col"), 0)}
_UNSEEN = frozenset({"script", "style", "title", "template"})
_PARAGRAPHS = frozenset({
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "hr", "pre",
    "section", "article",
})  # fmt: skip
_LINES = frozenset({
    "div", "tr", "li", "dt", "dd", "dl", "center", "header", "footer", "main", "nav",
    "figure", "figcaption", "body",
})  # fmt: skip
# Several in a row begin one line. Text has none, since its own become blanks.
_START_OF_LINE = "\r"
_STARTS = re.compile(r"\r[ \r]*+")
# Invisible; keeps the mail's first words out of the list of mails, which shows 150 characters.
_FILLER = "&#847;&zwnj;&nbsp;" * 150
_HIDDEN = "display:none;max-height:0;overflow:hidden;mso-hide:all"


def inline_styles(source: str) -> str:
    """Return the HTML with its style sheets copied into the elements, where CSS allows it.

    Loads nothing. HTML that is too large, or whose CSS is invalid, is returned unchanged.
    """
    if _STYLE.search(source) is None:
        return source
    names = _ELEMENT.findall(source)
    deepest = sum(_NESTED_BY.get(name.lower(), 1) for name in names)
    if deepest > MOST_NESTED or len(names) * _style_length(source) > MOST_STYLING:
        return source
    try:
        inlined = _inliner().inline(source)
    except css_inline.InlineError:
        return source
    return inlined if len(inlined) <= MOST_INLINED else source


def with_footer(source: str, footer: str) -> str:
    """Return the HTML with more HTML at the end of its body."""
    place = source.lower().rfind("</body")
    place = place if place >= 0 else len(source)
    return source[:place] + footer + source[place:]


def with_preview(source: str, preview: str) -> str:
    """Return the HTML with a hidden text first, which mail clients list beside the subject."""
    if not preview:
        return source
    hidden = f'<div style="{_HIDDEN}">{html.escape(preview)}{_FILLER}</div>'
    body = _BODY.search(source)
    place = body.end() if body else 0
    return source[:place] + hidden + source[place:]


def to_text(source: str) -> str:
    """Return the HTML as plain text: blocks as lines, links as `text (url)`, no styles."""
    return _TextMaker(_without_comments(source)).text()


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    # The sheets stay: rules for small screens and dark mode cannot be inlined.
    return css_inline.CSSInliner(
        keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False
    )


def _style_length(source: str) -> int:
    first = _STYLE.search(source)
    last = source.lower().rfind("</style")
    return max(0, (last if last >= 0 else len(source)) - first.start()) if first else 0


def _without_comments(source: str) -> str:
    kept, position = [], 0
    while (start := source.find("<!--", position)) >= 0:
        end = source.find("-->", start + 4)
        if end < 0:
            break
        kept.append(source[position:start])
        position = end + 3
    return "".join([*kept, source[position:]])


class _TextMaker:
    def __init__(self, source: str) -> None:
        self._source = source
        self._pieces: list[str] = []
        self._unseen_by = ""
        self._link: tuple[str, int] | None = None

    def text(self) -> str:
        position = 0
        for tag in _TAG.finditer(self._source):
            self._add(self._source[position : tag.start()])
            position = tag.end()
            if tag.group(2):
                self._pass(is_end=bool(tag.group(1)), name=tag.group(2).lower(), rest=tag.group(3))
        self._add(self._source[position:])
        lines = [line.strip() for line in _STARTS.sub("\n", "".join(self._pieces)).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def _add(self, raw: str) -> None:
        if not self._unseen_by:
            self._pieces.append(_BLANKS.sub(" ", unescape(raw)))

    def _pass(self, *, is_end: bool, name: str, rest: str) -> None:
        if self._unseen_by:
            self._unseen_by = "" if is_end and name == self._unseen_by else self._unseen_by
        elif name in _UNSEEN:
            self._unseen_by = "" if is_end else name
        elif name == "a":
            self._end_link()
            target = "" if is_end else _attribute(_HREF, rest)
            self._link = (target, len(self._pieces)) if target else None
        elif name == "img":
            self._pieces.append(_attribute(_ALT, rest))
        elif name in ("td", "th"):
            self._pieces.append(" ")
        elif name == "br":
            self._pieces.append("\n")
        elif name == "li" and not is_end:
            self._pieces.append(f"{_START_OF_LINE}- ")
        elif name in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif name in _LINES:
            self._pieces.append(_START_OF_LINE)

    def _end_link(self) -> None:
        if self._link is None:
            return
        target, first = self._link
        text = "".join(self._pieces[first:]).strip()
        target = target.removeprefix("mailto:")
        if target.startswith(("#", "javascript:")) or text == target:
            return
        self._pieces.append(f" ({target})" if text else target)


def _attribute(pattern: re.Pattern[str], rest: str) -> str:
    match = pattern.search(rest)
    value = next((group for group in match.groups() if group), "") if match else ""
    return _BLANKS.sub(" ", unescape(value)).strip()


def unescape(raw: str) -> str:
    try:
        return html.unescape(raw)
    except ValueError:  # a reference with more digits than Python reads
        return raw
