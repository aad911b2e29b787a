"""What all public pages share: strict, private, never cached.

A page's address is its person's secret: nothing is loaded from elsewhere, no referrer is sent, and
no cache or search engine keeps the page. It is rendered without the request, so that nothing
touches the session and no cookie is set.
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
    """Return a page from a template of `templates/pages/`, in the reader's language.

    `workspace` gives it name and colour. `script` is the one file of `static/cueline/` that may
    run; without it the policy allows none. `goes_on_to` is the address, on any site, to which the
    answer to the page's form leads.
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
    """Return 303: the browser opens the address by GET after its form was taken."""
    return HttpResponse(status=303, headers={**HEADERS, "Location": address})


def _policy(*, style: str, has_script: bool, goes_on_to: str) -> str:
    # Chromium checks `form-action` at every redirect, and sites redirect to `www` and the like:
    # hence the scheme, not the host.
    scheme = goes_on_to.partition("://")[0].lower()
    targets = f"'self' {scheme}:" if goes_on_to else "'self'"
    parts = [NOTHING_ELSE, f"style-src 'self' {looks.source_of(style)}", f"form-action {targets}"]
    if has_script:
        parts.append("script-src 'self'")
    return "; ".join(parts)
