"""`/c/<token>`: confirms an address by the page's button; where the workspace allows it, also by a
tap or click on the page.

GET and HEAD change nothing: link checkers call them, and many run scripts. An expired link and an
unknown one get the same page, so that guessing reveals nothing; every used link gets another.
See .github/decisions/confirmation-by-post.md.
"""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.http.uploads import takes_forms
from subscribers.models import Confirmation, Subscriber, Workspace
from subscribers.pages.base import page, see_other
from subscribers.pages.requests import UnusableForm, circumstances_of, form_of, once_more_if_lost
from subscribers.services.consent import confirmations
from subscribers.services.consent.confirmations import ConfirmationMethod, Link, LinkState

SCRIPT = "cueline/confirm.js"
FRESH_LINK = "fresh_link"
ANSWERS = (ConfirmationMethod.BUTTON, ConfirmationMethod.GESTURE)


# The token is the proof: a forged POST would have to know it, and no cookie is read.
@takes_forms
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page, confirm the link's person, or send a fresh link; idempotent."""
    return once_more_if_lost(lambda: _serve(request, token, datetime.now(tz=UTC)))


def _serve(request: HttpRequest, token: str, now: datetime) -> HttpResponse:
    if request.method != "POST":
        return _page_of(request, token, now)
    try:
        by = form_of(request).get("by", "")
    except UnusableForm as refused:
        return _page_of(request, token, now, status=refused.status)
    if by == FRESH_LINK:
        circumstances = circumstances_of(request)
        confirmations.ask_again_by_link(token=token, now=now, circumstances=circumstances)
        return page(request, "mail_follows.html")
    if by not in ANSWERS:
        return _page_of(request, token, now, status=400)
    return _answer(request, token, now, ConfirmationMethod(by))


def _page_of(request: HttpRequest, token: str, now: datetime, *, status: int = 200) -> HttpResponse:
    link = confirmations.read_link(token, now)
    if link.state is not LinkState.OPEN or link.confirmation is None:
        return _page_of_closed(request, link, status=status)
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
    link = confirmations.read_link(token, now)
    if link.state is LinkState.OPEN and link.confirmation is not None:
        if (
            method is ConfirmationMethod.GESTURE
            and link.confirmation.workspace.confirmation_needs_button
        ):
            # The setting was changed while the page was open.
            return _page_of(request, token, now, status=400)
        confirmations.confirm(
            confirmation=link.confirmation,
            method=method,
            circumstances=circumstances_of(request),
            now=now,
        )
        link = confirmations.read_link(token, now)
    if link.confirmation is None or not _is_done(link.confirmation):
        return _page_of_closed(request, link)
    address = _next_address(link.confirmation.workspace)
    if address:
        return see_other(address)
    return page(request, "confirmed.html", workspace=link.confirmation.workspace)


def _page_of_closed(request: HttpRequest, link: Link, *, status: int = 200) -> HttpResponse:
    is_used = link.state is LinkState.USED
    return page(request, "link_used.html" if is_used else "link_over.html", status=status)


def _is_done(confirmation: Confirmation) -> bool:
    is_active = confirmation.subscriber.status == Subscriber.Status.ACTIVE
    return is_active and confirmation.confirmed_at is not None


def _next_address(workspace: Workspace) -> str:
    """Return where people go after confirming; empty: to our own page."""
    address = workspace.confirmation_redirect_url
    return address if urlsplit(address).scheme in {"http", "https"} else ""
