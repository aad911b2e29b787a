"""The handbook at `/docs/`: the pages of `templates/docs/`, which are also readable as files.

Open to everybody: it contains nothing of any workspace. Each process renders a page once. The pages
have the order of the links in `index.md`.
"""

import re
from functools import cache

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = settings.BASE_DIR / "templates" / "docs"
INDEX = "index"
_LISTED = re.compile(r"^- \[(.+?)\]\(([a-z-]+)\.md\)", re.MULTILINE)
_LINK = re.compile(r"([a-z-]+)\.md(#.*)?")
_TABLE_OPEN = '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>'


# Strict, unlike the admin's.
@csp_replace({"script-src": ["'self'"], "style-src": ["'self'"]})
@cache_control(public=True, max_age=300)
@require_safe
def handbook(request: HttpRequest, name: str = "") -> HttpResponse:  # noqa: ARG001 - Django gives it
    if name and name not in pages():
        raise Http404
    return HttpResponse(_rendered(name or INDEX))


@cache
def pages() -> dict[str, str]:
    """Return the titles of all pages but the list, by name, in reading order."""
    listed = _LISTED.findall((FOLDER / f"{INDEX}.md").read_text(encoding="utf-8"))
    return {name: title for title, name in listed}


def address_of(name: str) -> str:
    return reverse("handbook") if name == INDEX else reverse("handbook-page", args=[name])


@cache
def _rendered(name: str) -> str:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("table_open", lambda *_: _TABLE_OPEN)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>")
    tokens = markdown.parse((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    headings = _prepare(tokens)
    context = {
        "title": headings[0][2],
        "sections": [(anchor, text) for tag, anchor, text in headings if tag == "h2"],
        # From files of this repository, without raw HTML.
        "body": mark_safe(markdown.renderer.render(tokens, markdown.options, {})),  # noqa: S308 - see above
        "pages": [
            {"title": title, "address": address_of(each), "is_current": each == name}
            for each, title in pages().items()
        ],
    }
    return render_to_string("pages/handbook.html", context)


def _prepare(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Give headings anchors, links paths, and cells the heading of their column.

    Returns tag, anchor and text of each heading. Anchors are like those of code hosts, so that
    links with one work in the files too.
    """
    headings = []
    columns: list[str] = []
    column = 0
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            text = "".join(child.content for child in tokens[place + 1].children or ())
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            token.attrSet("id", anchor)
            headings.append((token.tag, anchor, text))
        elif token.type == "thead_open":
            columns = []
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            columns.append(tokens[place + 1].content)
        elif token.type == "td_open":
            # Shown on a phone, where each cell has its own line.
            token.attrSet("data-column", columns[column])
            column += 1
        elif token.type in {"fence", "code_block"}:
            # A block that scrolls must be reachable by keyboard.
            token.attrSet("tabindex", "0")
        for child in token.children or ():
            if link := _LINK.fullmatch(str(child.attrGet("href") or "")):
                child.attrSet("href", address_of(link[1]) + (link[2] or ""))
    return headings
