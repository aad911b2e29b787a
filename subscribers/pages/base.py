"""What every page for the people who get mail has in common: strict, private, never kept.

The address of such a page is a secret of the person it was sent to. So nothing is loaded from
elsewhere, no referrer is sent, and no cache or search engine keeps the page. It is rendered without
the request: nothing touches the session, and no cookie is set.
"""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation

from subscribers.models import Workspace
from subscribers.pages import looks

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
NOTHING_ELSE = "default-src 'none'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def page(
    request: HttpRequest,
    template: str,
    *,
    workspace: Workspace | None = None,
    status: int = 200,
    script: str = "",
    goes_on_to: str = "",
    **context: object,
) -> HttpResponse:
    """Return a page made of a template of `templates/pages/`, in the reader's language.

    `workspace` gives it name and colour. `script` is the one file of `static/cueline/` that may
    run; without one the policy allows none. `goes_on_to` is the address, of whatever site, that the
    answer to the page's form leads to.
    """
    language = translation.get_language_from_request(request)
    style = looks.style_of(workspace.color if workspace else "")
    context |= {"workspace": workspace, "style": style, "script": script}
    with translation.override(language):
        content = render_to_string(f"pages/{template}", context)
    policy = _policy(style=style, has_script=bool(script), goes_on_to=goes_on_to)
    headers = {**HEADERS, "Content-Language": language, "Content-Security-Policy": policy}
    return HttpResponse(content, status=status, headers=headers)


def see_other(address: str) -> HttpResponse:
    """Return 303 to an address: what a browser opens after its form was taken, by GET."""
    return HttpResponse(status=303, headers={**HEADERS, "Location": address})


def _policy(*, style: str, has_script: bool, goes_on_to: str) -> str:
    # Chromium asks `form-action` about every redirect that follows, and sites add `www` and the
    # like: hence the scheme, not the host.
    scheme = goes_on_to.partition("://")[0].lower()
    targets = f"'self' {scheme}:" if goes_on_to else "'self'"
    parts = [NOTHING_ELSE, f"style-src 'self' {looks.source_of(style)}", f"form-action {targets}"]
    if has_script:
        parts.append("script-src 'self'")
    return "; ".join(parts)
