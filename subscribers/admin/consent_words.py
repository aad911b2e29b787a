"""The lines of the consent ledger in words, and why somebody is not asked."""

from collections.abc import Mapping

from subscribers.models import ConsentRecord

METHODS: Mapping[str, str] = {
    "hand": "by hand",
    "admin": "by hand",
    "gesture": "a touch or key on the page",
    "button": "the page's button",
    "one_click": "one click in the mail program",
    "page": "the page",
    "smtp": "the mail server",
    "webhook": "the delivery service",
    "api": "the API",
    "import": "an import",
}
REFUSALS: Mapping[str, str] = {
    "already_confirmed": "the address is confirmed",
    "suppressed": "the address is suppressed",
    "asked_today": "the mailbox was asked less than 24 hours ago",
    "asked_too_often": "the mailbox was asked three times, which is the most",
    "unknown": "there is nobody any more",
}


def how(record: ConsentRecord) -> str:
    """Return by what and by whom it was done, or nothing where that is not known."""
    by_what = METHODS.get(record.method, record.method.replace("_", " "))
    key = f"key {record.api_key}" if record.api_key else ""
    return ", ".join(part for part in (by_what, record.actor, key) if part)


def line(record: ConsentRecord) -> str:
    """Return what a line says, without its time: `Confirmed, by hand, ada: on the phone`."""
    about = record.list_name or record.reason
    what = ", ".join(part for part in (str(record.get_kind_display()), how(record)) if part)
    return f"{what}: {about}" if about else what


def why_not_asked(reason: str) -> str:
    """Return why no confirmation was queued, in words."""
    return REFUSALS.get(reason, reason.replace("_", " "))
