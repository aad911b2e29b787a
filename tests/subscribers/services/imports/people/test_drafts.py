"""Tests of rows about subscribers, as the API would judge them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from subscribers.services.imports.people.drafts import Consent, parse_draft
from subscribers.wire.payloads import InvalidRequest

ADA = "ada@example.com"


def faults_of(**fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        parse_draft({"email": ADA, **fields}, attributes_bytes=1000)
    return [(fault.path, fault.message) for fault in caught.value.faults]


def test_all_fields_are_read() -> None:
    draft = parse_draft(
        {
            "email": ADA,
            "tags": ["VIP_User", "vip user"],
            "lists": ["News", "News"],
            "status": "unsubscribed",
            "timezone": "Europe/Berlin",
            "createdAt": "2024-01-31T10:30:00+01:00",
            "unsubscribedAt": "2025-01-31T09:30:00Z",
            "consentAt": "2024-01-31T09:30:00Z",
            "consentIp": "2001:DB8::1",
            "consentUserAgent": "Firefox",
            "consentMethod": "web form",
        },
        attributes_bytes=1000,
    )

    moment = datetime(2024, 1, 31, 9, 30, tzinfo=UTC)
    assert (draft.tags, draft.lists) == (("vip-user",), ("News",))
    assert (draft.status, draft.person.texts["timezone"]) == ("unsubscribed", "Europe/Berlin")
    assert (draft.created_at, draft.unsubscribed_at) == (moment, moment.replace(year=2025))
    assert draft.consent == Consent(
        at=moment, ip="2001:db8::1", user_agent="Firefox", method="web form"
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tags", "vip", "must be an array of names, not a string."),
        ("tags", [7], "must be an array of names, with a number in it."),
        ("tags", ["!!"], "holds a name that needs at least one letter or digit."),
        ("tags", ["x" * 101], "holds a name that is longer than 100 characters."),
        ("tags", ["a"] * 501, "has 501 names; at most 500 are allowed."),
        ("lists", [" "], "must not be blank: 1-200 characters."),
        ("lists", ["x" * 201], "has 201 characters; at most 200 are allowed."),
        (
            "status",
            "subscribed",
            "must be one of active, unsubscribed, bounced, complained, pending.",
        ),
        (
            "status",
            True,
            "must be one of active, unsubscribed, bounced, complained, pending.",
        ),
        ("timezone", "Europe/Atlantis", "is not a time zone such as Europe/Berlin."),
        ("timezone", "../../etc/passwd", "is not a time zone such as Europe/Berlin."),
        ("timezone", "Europe", "is not a time zone such as Europe/Berlin."),
        (
            "createdAt",
            "2024-01-31",
            "must be an ISO 8601 time with an offset, as 2026-01-31T09:30:00Z.",
        ),
        ("consentIp", "localhost", "is not an IP address."),
        ("consentIp", 1, "is not an IP address."),
        ("consentUserAgent", 1, "must be a string, not a number."),
        ("consentMethod", "x" * 501, "has 501 characters; at most 500 are allowed."),
        ("firstName", 1, "must be a string, not a number."),
    ],
)
def test_a_wrong_field_is_named_with_its_limit(field: str, value: Any, message: str) -> None:
    assert faults_of(**{field: value}) == [(field, message)]


def test_all_faults_are_reported_at_once() -> None:
    found = faults_of(email="nobody", status="x", timezone="x", tags=1)

    assert [path for path, _ in found] == ["email", "timezone", "tags", "status"]


def test_nobody_is_named() -> None:
    found = faults_of(email=None, firstName="Ada")

    assert found == [("email", "is needed: give email, externalId or both.")]
