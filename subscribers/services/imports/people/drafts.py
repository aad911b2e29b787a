"""Subscriber rows in the API's form (see `columns`), checked as the API checks them."""

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import msgspec

from subscribers.wire import tag_names
from subscribers.wire.payloads import (
    Fault,
    InvalidField,
    InvalidRequest,
    Person,
    read_field,
    read_moment,
    read_name,
    read_person,
    type_name,
)

STATUSES = ("active", "unsubscribed", "bounced", "complained", "pending")
MOST_NAMES = 500
LONGEST_LIST_NAME = 200
LONGEST_CONSENT_TEXT = 500


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A row's consent, as the author of the file claims it."""

    at: datetime | None = None
    ip: str | None = None
    user_agent: str = ""
    method: str = ""


class SubscriberDraft(msgspec.Struct, frozen=True, kw_only=True):
    """One checked row; missing values are None or empty."""

    person: Person
    # Normal forms, each once.
    tags: tuple[str, ...] = ()
    # Each once; None joins the default lists, an empty tuple none.
    lists: tuple[str, ...] | None = None
    status: str | None = None
    created_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    consent: Consent = Consent()


def parse_draft(raw: Mapping[str, Any], *, attributes_bytes: int) -> SubscriberDraft:
    """Return the draft of a row in the API's form; raises `InvalidRequest` with every fault."""
    faults: list[Fault] = []
    read = partial(read_field, raw, faults)
    person = read_person(raw, faults, attributes_bytes=attributes_bytes)
    draft = SubscriberDraft(
        tags=read("tags", _read_tags, ()),
        lists=read("lists", _read_lists),
        status=read("status", _read_status),
        person=person,
        created_at=read("createdAt", read_moment),
        unsubscribed_at=read("unsubscribedAt", read_moment),
        consent=Consent(
            at=read("consentAt", read_moment),
            ip=read("consentIp", _read_ip),
            user_agent=read("consentUserAgent", _read_consent_text, ""),
            method=read("consentMethod", _read_consent_text, ""),
        ),
    )
    if faults:
        raise InvalidRequest(*faults)
    return draft


def _read_tags(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_normal(name) for name in _read_names(value)))


def _normal(name: str) -> str:
    try:
        return _remembered_normal(name)
    except tag_names.InvalidTagName as error:
        raise InvalidField(f"holds a name that {error}") from error


@lru_cache(maxsize=10_000)
def _remembered_normal(name: str) -> str:
    """Cached: every row has the same few tags."""
    return tag_names.normalise(name)


def _read_lists(value: object) -> tuple[str, ...]:
    names = _read_names(value)
    return tuple(dict.fromkeys(read_name(name, longest=LONGEST_LIST_NAME) for name in names))


def _read_names(value: object) -> list[str]:
    if not isinstance(value, list):
        raise InvalidField(f"must be an array of names, not {type_name(value)}.")
    if len(value) > MOST_NAMES:
        raise InvalidField(f"has {len(value)} names; at most {MOST_NAMES} are allowed.")
    for name in value:
        if not isinstance(name, str):
            raise InvalidField(f"must be an array of names, with {type_name(name)} in it.")
    return value


def _read_status(value: object) -> str:
    if not isinstance(value, str) or value.strip() not in STATUSES:
        raise InvalidField(f"must be one of {', '.join(STATUSES)}.")
    return value.strip()


def _read_ip(value: object) -> str:
    text = value.strip().partition("%")[0] if isinstance(value, str) else ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise InvalidField("is not an IP address.") from error


def _read_consent_text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidField(f"must be a string, not {type_name(value)}.")
    # Browsers send anything; the ledger stores one line.
    text = value.strip()
    if len(text) > LONGEST_CONSENT_TEXT:
        raise InvalidField(
            f"has {len(text)} characters; at most {LONGEST_CONSENT_TEXT} are allowed."
        )
    return text
