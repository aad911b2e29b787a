"""The page that asks an operator for a reason, and the check of the answer."""

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from config.admin_base import BaseAdmin, admin_url, view_url
from subscribers.wire import json_gate

LONGEST = 500
# Only the person can undo the first; both end what is under way.
NOT_TAKEN_BACK = ("leave", "suppress")


def ask(
    page: BaseAdmin,
    request: HttpRequest,
    row: Model,
    *,
    label: str,
    explanation: str,
    action: str,
    title: str = "",
    asks_for_address: bool = False,
) -> HttpResponse:
    """Return a page that asks for the reason and posts it to a row's `action`.

    `asks_for_address`: also for the mail address, where only its hash is stored.
    """
    return page.page(
        request,
        "admin/ask_reason.html",
        title=title or f"{label} {row}",
        row=row,
        back=admin_url(row),
        explanation=explanation,
        label=label,
        address=view_url(row, action),
        longest=LONGEST,
        asks_for_address=asks_for_address,
        variant="danger" if action in NOT_TAKEN_BACK else "",
    )


def given(request: HttpRequest, *, kept_in: str = "ledger") -> str | None:
    """Return the posted reason on one line; None, with a message, when it cannot be used."""
    reason = " ".join(request.POST.get("reason", "").split())
    if not reason:
        messages.error(request, f"Give a reason: it is kept in the {kept_in}.")
        return None
    if len(reason) > LONGEST:
        text = f"The reason has {len(reason):,} characters; at most {LONGEST} are allowed."
        messages.error(request, text)
        return None
    if json_gate.has_control(reason):
        messages.error(request, "The reason has control characters, which cannot be stored.")
        return None
    return reason
