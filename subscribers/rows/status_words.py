"""What other products call a person's status, in any case, with any signs between the letters.

A word that means neither active nor pending for certain means that nobody may write: who never
agreed comes in as unsubscribed.
"""

import re
from collections.abc import Iterator, Mapping

from subscribers.rows.headers import folded

ACTIVE, UNSUBSCRIBED, BOUNCED, COMPLAINED, PENDING = (
    "active", "unsubscribed", "bounced", "complained", "pending",
)  # fmt: skip
_WORDS = {
    ACTIVE: ("active", "subscribed", "enabled", "confirmed", "optin", "optedin", "subscriber",
             "granted",
             "aktiv", "angemeldet", "bestätigt", "abonné", "actif", "inscrit", "suscrito",
             "activo"),
    UNSUBSCRIBED: (
        "unsubscribed", "unsubscribe", "unsub", "optout", "optedout", "disabled", "blocklisted",
        "blacklisted", "blocked", "suppressed", "removed", "inactive", "cancelled", "canceled",
        "revoked", "withdrawn",
        "neversubscribed", "nonsubscribed", "notsubscribed", "transactional", "archived",
        "abgemeldet", "ausgetragen", "widerrufen", "gesperrt", "inaktiv", "désabonné", "désinscrit",
        "inactif", "baja", "desuscrito", "inactivo",
    ),
    BOUNCED: ("bounced", "bounce", "hardbounce", "hardbounced", "cleaned", "invalid",
              "invalidemail", "undeliverable"),
    COMPLAINED: ("complained", "complaint", "spam", "spamcomplaint", "reportedspam", "abuse",
                 "junk"),
    PENDING: ("pending", "unconfirmed", "notconfirmed", "awaitingconfirmation", "unbestätigt",
              "ausstehend", "pendiente"),
}  # fmt: skip
STATUS_BY_WORD: Mapping[str, str] = {
    word: status for status, words in _WORDS.items() for word in words
}
# The flags of a row, and the status that each means. The gravest of a row counts.
STATUS_BY_FLAG = {"complained": COMPLAINED, "bounced": BOUNCED, "unsubscribed": UNSUBSCRIBED}
# The flag that says by `no` that somebody left; its `yes` says nothing of how they agreed.
SUBSCRIBED = "subscribed"
GRAVEST_FIRST = (COMPLAINED, BOUNCED, UNSUBSCRIBED, PENDING, ACTIVE)
GONE = frozenset(STATUS_BY_FLAG.values())
_YES = frozenset({"true", "yes", "y", "1", "t", "on", "x", "ja", "oui", "si"})
_NO = frozenset({"false", "no", "n", "0", "f", "off", "nein", "non", "never", "none", "null"})


def status_of(word: str) -> str | None:
    return STATUS_BY_WORD.get(folded(word))


def flag_of(value: object) -> bool | None:
    """Return what a cell or a JSON value says as yes or no; None for neither."""
    if isinstance(value, bool):
        return value
    word = folded(str(value))
    if word in _YES:
        return True
    return False if word in _NO else None


def is_flag(text: str) -> bool:
    """Tell whether a cell says yes or no, also by a number."""
    return flag_of(text) is not None or text.strip().isdecimal()


def says_so(text: str) -> bool | None:
    """Return whether a cell of a column such as `unsubscribed` says so; None for a sign alone.

    A date, a number and a reason say it too.
    """
    word, status = folded(text), status_of(text)
    if not word:
        return None
    said = flag_of(word)
    if said is None:
        said = status not in {ACTIVE, PENDING} and any(each != "0" for each in word)
    return said


def reasons_in(value: object) -> Iterator[str]:
    """Yield the status of each reason for which nobody may write, such as `['HARD_BOUNCE']`.

    A reason with another word counts as an unsubscribe.
    """
    for word in re.split(r"[,;|]", str(value)):
        if folded(word) and flag_of(word) is not False:
            yield status_of(word) or UNSUBSCRIBED
