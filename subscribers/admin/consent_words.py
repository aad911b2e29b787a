"""Consent records in words."""

from collections.abc import Mapping

from subscribers.models import ConsentRecord

METHODS: Mapping[str, str] = {
    "hand": "an operator",
    "admin": "an operator",
    "gesture": "a gesture on the page",
    "button": "the page's button",
    "one_click": "one click in the mail program",
    "page": "the page",
    "smtp": "the mail server",
    "mail": "a mail that came back, or a mail to unsubscribe",
    "webhook": "the delivery service",
    "api": "the API",
    "import": "an import",
    "erasure": "the erasure of the person",
}


def how(record: ConsentRecord) -> str:
    """Return the method, the actor and the key; nothing where none is known."""
    by_what = METHODS.get(record.method, record.method.replace("_", " "))
    key = f"key {record.api_key}" if record.api_key else ""
    return ", ".join(part for part in (by_what, record.actor, key) if part)


def line(record: ConsentRecord) -> str:
    """Return a record without its time: `Confirmed by an operator, ada: on the phone`."""
    about = record.list_name or record.reason
    what = " by ".join(part for part in (str(record.get_kind_display()), how(record)) if part)
    return f"{what}: {about}" if about else what
