"""Renders a mail from users' templates: subject, preview, HTML and text, each safe to send.

The templates are locked (`merge_tags`). Headers are one line, whatever the data, and every mail has
a text part.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from email.utils import formataddr
from typing import Any

from subscribers.templating import html as mail_html
from subscribers.templating import layout as mail_layout
from subscribers.templating import merge_tags
from subscribers.templating.merge_tags import MergeTags, TemplateFault, check, render, tags_of
from subscribers.templating.reader import Reader
from subscribers.wire import addresses

__all__ = [
    "MergeTags", "RenderedMail", "TemplateFault", "address_header", "check", "header_text",
    "render", "render_mail", "tags_of",
]  # fmt: skip

LONGEST_HEADER = 998  # RFC 5322, 2.1.1: characters of a line.
# Line breaks, other controls, halves of surrogate pairs.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMail:
    """One mail: `subject` and `preview_text` are one line, `html` is "" in a text-only mail."""

    subject: str
    preview_text: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """What ends a mail in which `url` is missing, so that there is a way out in each part."""

    url: str
    html: str
    text: str


def render_mail(
    *,
    subject: str,
    preview_text: str,
    html: str,
    text: str,
    data: Mapping[str, Any],
    reader: Reader | None = None,
    footer: Footer | None = None,
    layout: str = "",
) -> RenderedMail:
    """Return the mail of four templates and plain data.

    The preview text comes first in the HTML, hidden; style sheets are inlined. HTML goes into the
    `layout`, if there is one. A blank `text` is made from the HTML. A mail that says and shows
    nothing is blank throughout, without layout and footer. What gave nothing is in the reader's
    notes. Raises `TemplateFault`, and `TypeError` for data that is not plain.
    """
    merge_tags.refuse_other_than_plain(data)
    one_line_subject = header_text(
        merge_tags.render_plain(subject, data, is_html=False, reader=reader)
    )
    preview = header_text(merge_tags.render_plain(preview_text, data, is_html=False, reader=reader))
    page = merge_tags.render_plain(html, data, is_html=True, reader=reader)
    plain = merge_tags.render_plain(text, data, is_html=False, reader=reader)
    if not page.strip():
        page = ""
    has_text, heading = bool(plain.strip()), preview or one_line_subject
    if not (has_text or heading or "<img" in page.lower() or mail_html.to_text(page)):
        return RenderedMail(subject=one_line_subject, preview_text=preview, html="", text="")
    if page and layout:
        page = mail_layout.around(page, layout=layout, data=data, reader=reader)
    if not has_text:
        plain = mail_html.to_text(page) or heading
    if footer and footer.url not in plain:
        plain = f"{plain.rstrip()}\n\n-- \n{footer.text}"
    if page:
        if footer and footer.url not in page:
            page = mail_html.with_footer(page, footer.html)
        page = mail_html.inline_styles(mail_html.with_preview(page, preview))
    return RenderedMail(subject=one_line_subject, preview_text=preview, html=page, text=plain)


def header_text(value: str) -> str:
    """Return one line of at most 998 characters; runs of control characters become one blank."""
    parts = (part.strip() for part in _CONTROLS.split(value))
    return " ".join(part for part in parts if part)[:LONGEST_HEADER].rstrip()


def address_header(name: str, address: str) -> str:
    """Return `name <address>` for From and the like, the domain in ASCII, the name encoded.

    Raises `addresses.InvalidAddress` for anything but exactly one address.
    """
    mailbox = addresses.parse(header_text(address)).mailbox
    shown = header_text(name)
    if shown.isascii():
        return formataddr((shown, mailbox))
    # In words of at most 75 characters (RFC 2047, 2).
    words = Header(shown, "utf-8", maxlinelen=75).encode(linesep="\n").split("\n")
    return f"{' '.join(word.strip() for word in words)} <{mailbox}>"
