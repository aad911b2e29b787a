"""`/u/<token>`: how somebody leaves, by a click in their mail program or on the page.

RFC 8058: the mail program sends a POST with `List-Unsubscribe=One-Click`, without cookies and
without having seen the page. The page's button sends the same. GET and HEAD change nothing, since
programs that check links call them. The answer is the same whether or not the token is somebody's.
"""

from datetime import UTC, datetime

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.http.body_gate import declared_length
from subscribers.pages.base import page
from subscribers.services import connections, unsubscribing
from subscribers.services.unsubscribing import Method

LARGEST_BODY = 4096
UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError)


# The token is the proof; a forged POST would have to know it, and mail programs have no cookie.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page, or unsubscribe whoever the token belongs to; idempotent."""
    if request.method != "POST":
        return page("unsubscribe.html")
    is_too_large = request.META.get("cueline.body_too_large", False)
    if is_too_large or declared_length(request.META) > LARGEST_BODY:
        return page("unsubscribe.html", status=413)
    method = _method_of(request)
    if method is None:
        return page("unsubscribe.html", status=400)
    now = datetime.now(tz=UTC)
    try:
        unsubscribing.leave_by_link(token=token, now=now, method=method)
    except connections.LOST:
        # A connection that died in the pool costs a second try, which is harmless.
        if not connections.renew():
            raise
        unsubscribing.leave_by_link(token=token, now=now, method=method)
    return page("unsubscribed.html")


def _method_of(request: HttpRequest) -> Method | None:
    """Return how somebody leaves, or None for a POST that does not say so."""
    try:
        if request.POST.get("List-Unsubscribe") != "One-Click":
            return None
        return Method.PAGE if request.POST.get("from") == "page" else Method.ONE_CLICK
    except UNREADABLE:
        return None
