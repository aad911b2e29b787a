"""The known word that an unknown one probably means: for requests and for files."""

import difflib
from collections.abc import Iterable

# Longer text is no mistyped word, and comparing it takes long.
LONGEST = 64
_LEAST_ALIKE = 0.8
# What other products call our fields, without case and separators; the first known word counts.
_SYNONYMS = {
    **dict.fromkeys(
        ("timestamp", "time", "date", "datetime", "createdat", "sentat", "eventtime", "happenedat"),
        ("occurredAt",),
    ),
    **dict.fromkeys(("messageid", "insertid", "idempotencykey", "dedupeid"), ("eventId",)),
    "id": ("eventId", "externalId", "key"),
    **dict.fromkeys(
        ("userid", "customerid", "contactid", "subscriberid", "distinctid"), ("externalId",)
    ),
    **dict.fromkeys(("event", "eventname", "type"), ("name", "event")),
    "name": ("event",),
    **dict.fromkeys(("data", "payload", "props", "eventproperties"), ("properties",)),
    **dict.fromkeys(
        ("attributes", "traits", "fields", "customfields", "userproperties"), ("customAttributes",)
    ),
    **dict.fromkeys(("mail", "emailaddress", "address"), ("email",)),
    **dict.fromkeys(("tz", "zone"), ("timezone",)),
    **dict.fromkeys(("filter", "filters"), ("propertyFilters",)),
    "givenname": ("firstName",),
    **dict.fromkeys(("surname", "familyname"), ("lastName",)),
    **dict.fromkeys(("preview", "simulate", "validateonly", "test"), ("dryRun",)),
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that differs from `word` least, or None when none is alike.

    Case and separators do not count (`stop_condition` means `stopCondition`), then words that other
    products use count (`timestamp` means `occurredAt`), then letters.
    """
    if len(word) > LONGEST:
        return None
    by_letters = {_letters(each): each for each in known}
    letters = _letters(word)
    meant = (letters, *map(_letters, _SYNONYMS.get(letters, ())))
    found = next((each for each in meant if each in by_letters), None)
    if found is None:
        found = next(iter(difflib.get_close_matches(letters, by_letters, 1, _LEAST_ALIKE)), None)
    return None if found is None else by_letters[found]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` did you mean …?` with a leading semicolon, or nothing when no word is alike."""
    found = nearest(word, known)
    return "" if found is None else f"; did you mean {found}?"


def _letters(word: str) -> str:
    return "".join(each for each in word.casefold() if each.isalnum())
