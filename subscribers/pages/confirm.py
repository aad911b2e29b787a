"""`/c/<token>`: how somebody says yes: by the first touch or key on the page, or by its button.

GET and HEAD change nothing, since programs that check links call them, and many run scripts. A link
that is over gets the same page as one that was never ours, so nobody learns anything by trying.
"""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from subscribers.models import Confirmation, Subscriber, Workspace
from subscribers.pages.base import page, see_other
from subscribers.pages.requests import UnusableForm, circumstances_of, form_of, once_more_if_lost
from subscribers.services.consent import confirmations
from subscribers.services.consent.confirmations import ConfirmationMethod, LinkState

SCRIPT = "cueline/confirm.js"
FRESH_LINK = "fresh_link"
ANSWERS = (ConfirmationMethod.BUTTON, ConfirmationMethod.GESTURE)


# The token is the proof; a forged POST would have to know it, and no cookie is looked at.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page, confirm whoever the link belongs to, or send them a fresh link; idempotent."""
    return once_more_if_lost(lambda: _serve(request, token, datetime.now(tz=UTC)))


def _serve(request: HttpRequest, token: str, now: datetime) -> HttpResponse:
    if request.method != "POST":
        return _page_of(request, token, now)
    try:
        by = form_of(request).get("by", "")
    except UnusableForm as refused:
        return _page_of(request, token, now, status=refused.status)
    if by == FRESH_LINK:
        return _send_fresh_link(request, token, now)
    if by not in ANSWERS:
        return _page_of(request, token, now, status=400)
    return _answer(request, token, now, ConfirmationMethod(by))


def _page_of(request: HttpRequest, token: str, now: datetime, *, status: int = 200) -> HttpResponse:
    """Return the page that asks, or the one of links that are over."""
    link = confirmations.read_link(token, now)
    if link.state is not LinkState.OPEN or link.confirmation is None:
        return page(request, "link_over.html", status=status)
    workspace = link.confirmation.workspace
    return page(
        request,
        "confirm.html",
        workspace=workspace,
        status=status,
        script="" if workspace.confirmation_needs_button else SCRIPT,
        goes_on_to=_next_address(workspace),
    )


def _answer(
    request: HttpRequest, token: str, now: datetime, method: ConfirmationMethod
) -> HttpResponse:
    """Confirm, and say thanks; also to a second click that was on its way already."""
    link = confirmations.read_link(token, now)
    if link.state is LinkState.OPEN and link.confirmation is not None:
        if (
            method is ConfirmationMethod.GESTURE
            and link.confirmation.workspace.confirmation_needs_button
        ):
            # The setting came while the page was open.
            return _page_of(request, token, now, status=400)
        confirmations.confirm(
            confirmation=link.confirmation,
            method=method,
            circumstances=circumstances_of(request),
            now=now,
        )
        link = confirmations.read_link(token, now)
    if link.confirmation is None or not _is_done(link.confirmation):
        return page(request, "link_over.html")
    address = _next_address(link.confirmation.workspace)
    if address:
        return see_other(address)
    return page(request, "confirmed.html", workspace=link.confirmation.workspace)


def _send_fresh_link(request: HttpRequest, token: str, now: datetime) -> HttpResponse:
    confirmations.ask_again_by_link(token=token, now=now, circumstances=circumstances_of(request))
    return page(request, "mail_follows.html")


def _is_done(confirmation: Confirmation) -> bool:
    is_active = confirmation.subscriber.status == Subscriber.Status.ACTIVE
    return is_active and confirmation.confirmed_at is not None


def _next_address(workspace: Workspace) -> str:
    """Return where people go after confirming; empty for a page of ours."""
    address = workspace.confirmation_redirect_url
    return address if urlsplit(address).scheme in {"http", "https"} else ""
