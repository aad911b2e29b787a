"""Email headers for the kind of mail and for unsubscribing.

`List-Unsubscribe` with one click: RFC 2369 and RFC 8058. `Auto-Submitted`: RFC 3834, against
automatic replies. `Precedence` is no standard, but older programs read nothing else.
"""

import re
from urllib.parse import quote
from uuid import UUID

from django.conf import settings

from subscribers.ids import decode
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.consent import unsubscribing
from subscribers.wire import mail_tokens

Kind = OutgoingEmail.Kind
_LIST = re.compile(r"<[^>]+/u/\w+/(lst_\w+)>", re.ASCII)


def for_mail(*, subscriber: Subscriber, kind: str, mail_list: str = "") -> dict[str, str]:
    """Return the headers of an email of a `OutgoingEmail.Kind`. Only marketing mail has an
    unsubscribe header: the other kinds are sent to unsubscribed people too. `mail_list` is the
    public id of the list that the mail belongs to.
    """
    headers = {"Auto-Submitted": "auto-generated"}
    if kind == Kind.MARKETING:
        headers["Precedence"] = "bulk"
        # Programs take the first that they can (RFC 2369, 2): the link needs no reading of mail.
        ways = [f"<{unsubscribe_url(subscriber, mail_list)}>", *_mailto(subscriber, mail_list)]
        headers["List-Unsubscribe"] = ", ".join(ways)
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def mail_list_of(email: OutgoingEmail) -> UUID | None:
    """Return the list that a stored email belongs to, which its own unsubscribe link names."""
    named = _LIST.match(email.headers.get("List-Unsubscribe", ""))
    return decode("lst", named[1]) if named else None


def _mailto(subscriber: Subscriber, mail_list: str) -> list[str]:
    pattern: str = settings.UNSUBSCRIBE_MAILTO
    if not pattern:
        return []
    token = bytes.fromhex(unsubscribing.link_token(subscriber))
    address = mail_tokens.address(pattern=pattern, secret=token)
    # The list is no secret; an address has no room for it (RFC 5321, 4.5.3.1.1).
    subject = quote(f"unsubscribe {mail_list}".strip())
    return [f"<mailto:{quote(address, safe='@+')}?subject={subject}>"]


def unsubscribe_url(subscriber: Subscriber, mail_list: str = "") -> str:
    """Return the subscriber's own unsubscribe URL, which never expires: of all mail, or of the list
    with this public id.
    """
    # Not reversed: the worker would load the URL conf, with the admin and the API, for one path.
    path = "/".join(filter(None, (unsubscribing.link_token(subscriber), mail_list)))
    return f"{settings.PUBLIC_URL}/u/{path}"
