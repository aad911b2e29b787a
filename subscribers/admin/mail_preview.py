"""A mail's HTML on an address of its own, where nothing of it can run or leave.

The frame around it is sandboxed, and so is the answer itself, for whoever opens the address alone:
no script, no form, no plug-in, no navigation; pictures, since a mail without them says little.
"""

from typing import TYPE_CHECKING

from csp.constants import HEADER
from django.http import HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from subscribers.models import OutgoingEmail

if TYPE_CHECKING:
    from django.http import HttpRequest

POLICY = (
    "sandbox; default-src 'none'; img-src data: https:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def preview(_request: "HttpRequest", email: OutgoingEmail) -> HttpResponse:
    """Return the HTML as it was sent."""
    return sandboxed(email.html)


def sandboxed(html: str) -> HttpResponse:
    """Return a mail's HTML, of which nothing can run or leave."""
    return HttpResponse(
        html,
        headers={
            HEADER: POLICY,
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        },
    )


def frame(address: str) -> SafeString:
    """Return a frame that shows the HTML at an address and lets nothing of it run."""
    return format_html(
        '<iframe class="cueline-mail" sandbox="" title="The mail" src="{}"></iframe>', address
    )
