"""The web links of a mail, found and replaced in its HTML and its plain text; in linear time.

Only `href` of `a` and `area` counts in HTML. What is not certainly such a link stays as it is.
"""

import html
import re
from collections.abc import Callable

from subscribers.templating import html as mail_html

# Proxies and mail programs cut longer addresses.
LONGEST_URL = 2000

_ANCHOR = re.compile(r"<(?:a|area)(?=[\s/])[^<>]*+>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<=[\s/"'])([^\s"'<>/=]++)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'<>`]++))?"""
)
_WEB = re.compile(r"https?://[^\s<>\"']++", re.IGNORECASE)
# What ends a sentence belongs to no link.
_AFTER_LINK = ".,;:!?*"
_BRACKETS = {")": "(", "]": "[", "}": "{"}

# Returns what takes a link's place; the same text to keep it.
Replace = Callable[[str], str]


def replace_in_html(source: str, replace: Replace) -> str:
    return _ANCHOR.sub(lambda tag: _with_href(tag[0], replace), source)


def replace_in_text(source: str, replace: Replace) -> str:
    def replaced(found: re.Match[str]) -> str:
        url = _without_end(found[0])
        return replace(url) + found[0][len(url) :]

    return _WEB.sub(replaced, source)


def is_web(url: str) -> bool:
    """Tell whether the whole text is one usable web address."""
    return len(url) <= LONGEST_URL and url.isprintable() and _WEB.fullmatch(url) is not None


def _with_href(tag: str, replace: Replace) -> str:
    """Return the tag with its first `href` replaced: browsers ignore another."""
    for attribute in _ATTRIBUTE.finditer(tag):
        if attribute[1].lower() != "href":
            continue
        written = attribute[2] or ""
        url = mail_html.unescape(written.strip("\"'")).strip()
        new = replace(url) if is_web(url) else url
        if new == url:
            return tag
        return f'{tag[: attribute.start(2)]}"{html.escape(new)}"{tag[attribute.end(2) :]}'
    return tag


def _without_end(url: str) -> str:
    if len(url) > LONGEST_URL:
        return url
    while url:
        last = url[-1]
        opening = _BRACKETS.get(last)
        is_unopened = opening is not None and url.count(last) > url.count(opening)
        if last not in _AFTER_LINK and not is_unopened:
            break
        url = url[:-1]
    return url
