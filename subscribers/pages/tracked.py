"""`/r/<token>`: leads on to a link of a mail; `/o/<token>.gif`: the picture that counts opens.

Both answer the same whether the visit is recorded or not, and neither sets a cookie. An unknown
token leads nowhere: every one gets the same page, and the same picture.
"""

from base64 import b64decode
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri
from django.views.decorators.http import require_safe

from subscribers.pages.base import HEADERS, page
from subscribers.pages.requests import once_more_if_lost
from subscribers.services.activity import visits
from subscribers.services.activity.rules import Visit

# One transparent point.
GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# Of a browser that loads ahead: the standard's header first.
AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    visit = _visit_of(request)
    url = once_more_if_lost(
        lambda: visits.follow(token=token, visit=visit, now=datetime.now(tz=UTC))
    )
    if url is None:
        return page(request, "link_unknown.html", status=404)
    return HttpResponse(status=302, headers={**HEADERS, "Location": iri_to_uri(url)})


@require_safe
def picture(request: HttpRequest, token: str) -> HttpResponse:
    visit = _visit_of(request)
    once_more_if_lost(lambda: visits.note_open(token=token, visit=visit, now=datetime.now(tz=UTC)))
    return HttpResponse(GIF, content_type="image/gif", headers=HEADERS)


def _visit_of(request: HttpRequest) -> Visit:
    return Visit(
        user_agent=request.headers.get("User-Agent", ""),
        is_head=request.method == "HEAD",
        destination=request.headers.get("Sec-Fetch-Dest", ""),
        purpose=next(filter(None, map(request.headers.get, AHEAD)), ""),
    )
