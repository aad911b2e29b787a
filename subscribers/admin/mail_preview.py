"""A mail's HTML at its own address, where nothing in it can run or leave.

The frame is sandboxed, and so is the response, in case it is opened without the frame: no script,
form, plug-in or navigation. Pictures are allowed, since a mail without them shows little.
"""

from csp.constants import HEADER
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from subscribers.models import OutgoingEmail, Workspace
from subscribers.wire import link_tokens

POLICY = (
    "sandbox; default-src 'none'; img-src data: https:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def preview(_request: HttpRequest, email: OutgoingEmail) -> HttpResponse:
    return sandboxed(link_tokens.hidden(email.html))


def sandboxed(html: str) -> HttpResponse:
    """Return a mail's HTML under a policy that lets nothing run."""
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
    return format_html(
        '<iframe class="cueline-mail" sandbox="" title="The mail" src="{}"></iframe>', address
    )


def as_stored(workspace: Workspace) -> Workspace:
    """Return the stored row of a workspace, whose form may have filled this one with faults."""
    return Workspace.objects.get(pk=workspace.pk)
