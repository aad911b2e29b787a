"""What every page for the people who get mail has in common: strict, private, never kept.

The address of such a page is a secret of the person it was sent to. So nothing is loaded from
elsewhere, no referrer is sent, and no cache or search engine keeps the page. It is rendered without
the request: nothing touches the session, and no cookie is set.
"""

from django.http import HttpResponse
from django.template.loader import render_to_string

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


def page(template: str, *, status: int = 200, **context: object) -> HttpResponse:
    """Return a page made of a template of `templates/pages/`."""
    content = render_to_string(f"pages/{template}", context)
    return HttpResponse(content, status=status, headers=HEADERS)
