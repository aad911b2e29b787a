"""What is done by hand for a reason: a page that asks for it, and the check of what was given."""

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from config.admin_base import BaseAdmin, admin_url
from subscribers.wire import json_gate

LONGEST = 500


def ask(
    page: BaseAdmin,
    request: HttpRequest,
    row: Model,
    *,
    title: str,
    explanation: str,
    label: str,
    address: str,
    asks_for_address: bool = False,
) -> HttpResponse:
    """Return a page that asks for the reason and posts it to `address`.

    `asks_for_address`: also for the mail address that is meant, since nobody stored it.
    """
    return page.page(
        request,
        "admin/ask_reason.html",
        title=title,
        row=row,
        back=admin_url(row),
        explanation=explanation,
        label=label,
        address=address,
        longest=LONGEST,
        asks_for_address=asks_for_address,
    )


def given(request: HttpRequest) -> str | None:
    """Return the posted reason in one line, or None after telling what is wrong with it."""
    reason = " ".join(request.POST.get("reason", "").split())
    if not reason:
        messages.error(request, "Give a reason: it is kept in the ledger.")
        return None
    if len(reason) > LONGEST:
        text = f"The reason has {len(reason):,} characters; {LONGEST} are the most."
        messages.error(request, text)
        return None
    if json_gate.has_control(reason):
        messages.error(request, "The reason has control characters, which cannot be stored.")
        return None
    return reason
