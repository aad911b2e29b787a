"""`/u/<token>`: unsubscribes by a click in the mail program or on the page; lists are chosen here.
`/u/<token>/<list>`, in the mail of a list, leaves that list; its page offers all mail too.

RFC 8058: the mail program posts `List-Unsubscribe=One-Click` without cookies and without opening
the page. The page's button sends the same. GET and HEAD change nothing: link checkers call them.
Every token gets the same answers; a known one also shows the workspace's name and lists.
"""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.http.uploads import takes_forms
from subscribers.models import Subscriber
from subscribers.pages.base import page
from subscribers.pages.requests import UnusableForm, circumstances_of, form_of, once_more_if_lost
from subscribers.services.consent import confirmations, preferences, unsubscribing
from subscribers.services.consent.unsubscribing import UnsubscribeMethod

REASONS = {
    "too_much": gettext_lazy("There is too much mail."),
    "not_interested": gettext_lazy("It does not interest me any more."),
    "never_asked": gettext_lazy("I never asked for it."),
}
LONGEST_WORDS = 400
# The field of the button that leaves all mail, beside the one that leaves a list.
ALL_MAIL = "all"


# The token is the proof: a forged POST would have to know it; mail programs have no cookie.
@takes_forms
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str, mail_list: str = "") -> HttpResponse:
    """Show the page, or do what its forms ask for the token's person; idempotent."""
    return once_more_if_lost(lambda: _serve(request, token, mail_list, datetime.now(tz=UTC)))


def _serve(request: HttpRequest, token: str, mail_list: str, now: datetime) -> HttpResponse:
    if request.method != "POST":
        return _page_of(request, token, mail_list)
    try:
        form = form_of(request)
    except UnusableForm as refused:
        return _page_of(request, token, mail_list, status=refused.status)
    if form.get("List-Unsubscribe") == "One-Click":
        return _leave(request, token, "" if ALL_MAIL in form else mail_list, form, now)
    match form.get("choice"):
        case "lists":
            return _choose(request, token, mail_list, form, now)
        case "come_back":
            return _come_back(request, token, now)
    return _page_of(request, token, mail_list, status=400)


def _page_of(
    request: HttpRequest, token: str, mail_list: str, *, status: int = 200, is_saved: bool = False
) -> HttpResponse:
    person = unsubscribing.owner_of(token)
    if person is not None and _is_gone(person):
        return page(request, "unsubscribed.html", workspace=person.workspace, status=status)
    return page(
        request,
        "unsubscribe.html",
        workspace=person.workspace if person else None,
        status=status,
        reasons=REASONS.items(),
        list=person and preferences.joined_list(subscriber=person, mail_list=mail_list),
        lists=preferences.lists_of(person) if person else [],
        is_saved=is_saved,
    )


def _is_gone(person: Subscriber) -> bool:
    """Tell whether the person has unsubscribed or complained; a bounce is no decision of theirs."""
    return unsubscribing.has_left(person) or person.status == Subscriber.Status.COMPLAINED


def _leave(
    request: HttpRequest, token: str, mail_list: str, form: QueryDict, now: datetime
) -> HttpResponse:
    method = UnsubscribeMethod.PAGE if form.get("from") == "page" else UnsubscribeMethod.ONE_CLICK
    unsubscribing.leave_by_link(
        token=token,
        mail_list=mail_list,
        now=now,
        method=method,
        circumstances=circumstances_of(request),
        reason=_reason_of(form),
    )
    # Nobody reads the answer to a mail program.
    person = unsubscribing.owner_of(token) if method is UnsubscribeMethod.PAGE else None
    workspace = person.workspace if person else None
    left = person and unsubscribing.list_of_link(subscriber=person, mail_list=mail_list)
    if left or (mail_list and person is None):
        return page(request, "left_list.html", workspace=workspace, list=left, token=token)
    return page(request, "unsubscribed.html", workspace=workspace)


def _choose(
    request: HttpRequest, token: str, mail_list: str, form: QueryDict, now: datetime
) -> HttpResponse:
    person = unsubscribing.owner_of(token)
    if person is not None:
        preferences.choose(
            subscriber_id=person.pk,
            shown=_ids_of(form.getlist("shown")),
            wanted=_ids_of(form.getlist("list")),
            circumstances=circumstances_of(request),
            now=now,
        )
    return _page_of(request, token, mail_list, is_saved=True)


def _ids_of(texts: list[str]) -> set[UUID]:
    found = set()
    for text in texts:
        with suppress(ValueError):
            found.add(UUID(text))
    return found


def _come_back(request: HttpRequest, token: str, now: datetime) -> HttpResponse:
    person = unsubscribing.owner_of(token)
    if person is not None and person.status == Subscriber.Status.UNSUBSCRIBED:
        confirmations.ask_by_id(
            subscriber_id=person.pk, circumstances=circumstances_of(request), now=now
        )
    return page(request, "mail_follows.html")


def _reason_of(form: QueryDict) -> str:
    """Return the reason for the ledger: a listed one, the person's own words, or both."""
    chosen, words = form.get("reason", ""), form.get("words", "").strip()[:LONGEST_WORDS]
    return ": ".join(part for part in (chosen if chosen in REASONS else "", words) if part)
