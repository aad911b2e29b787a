"""The headers that say what kind of mail it is, and how to get no more of it.

`List-Unsubscribe` with one click: RFC 2369 and RFC 8058. `Auto-Submitted`: RFC 3834, so that an
absence note does not answer. `Precedence` is no standard; the older programs that know no other
sign read it.
"""

from django.conf import settings

from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.consent import unsubscribing

Kind = OutgoingEmail.Kind


def for_mail(*, subscriber: Subscriber, kind: str) -> dict[str, str]:
    """Return the headers of a mail of a `OutgoingEmail.Kind`.

    Only marketing mail can be left by a click: the other kinds go to those who left, too.
    """
    headers = {"Auto-Submitted": "auto-generated"}
    if kind == Kind.MARKETING:
        headers["Precedence"] = "bulk"
        headers["List-Unsubscribe"] = f"<{unsubscribe_url(subscriber)}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def unsubscribe_url(subscriber: Subscriber) -> str:
    """Return the subscriber's own address of the page to leave by; it works for ever."""
    # Not reversed: the worker would load the URL conf, with the admin and the API, for one path.
    return f"{settings.PUBLIC_URL}/u/{unsubscribing.link_token(subscriber)}"
