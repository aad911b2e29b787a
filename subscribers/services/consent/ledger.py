"""The consent ledger: who was asked, confirmed or unsubscribed, how and when.

Append-only. A record is written in the transaction of the change that it describes, under the
subscriber's lock, and has the address only as a hash.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime
from typing import Required, TypedDict, Unpack
from uuid import UUID

from subscribers.models import ApiKey, ConsentRecord, Subscriber, Workspace
from subscribers.services.storage import quick_rows
from subscribers.templating import mail
from subscribers.wire.address_hashes import address_hash

Kind = ConsentRecord.Kind
LONGEST_USER_AGENT = 500
LONGEST_REASON = 500
LONGEST_REQUEST_ID = 64
LONGEST_LIST_NAME = 200
LONGEST_ACTOR = 150
LONGEST_METHOD = 40

# The method of an imported record; its reason is the method that the file states.
BY_IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Where a change of consent came from; unknown fields stay empty. `ip` and `user_agent` are the
    subscriber's own, never those of an application that calls the API.
    """

    ip: str | None = None
    user_agent: str = ""
    # The first live event of the request.
    event_id: UUID | None = None
    # The request's key, by which the breakers count, and the request's id.
    api_key: ApiKey | None = None
    request_id: str = ""
    # The operator's name.
    actor: str = ""


NOTHING_KNOWN = Circumstances()


class LineColumns(TypedDict, total=False):
    """The columns of a consent record except its subject; texts are cut to their columns."""

    kind: Required[ConsentRecord.Kind]
    circumstances: Required[Circumstances]
    now: Required[datetime]
    method: str
    reason: str
    list_name: str
    text_hash: str


def record(*, subscriber: Subscriber, **columns: Unpack[LineColumns]) -> ConsentRecord:
    """Write a record about a subscriber; the caller holds the lock."""
    return record_of_address(
        workspace=subscriber.workspace,
        email_key=subscriber.email_key,
        subscriber=subscriber,
        **columns,
    )


def record_of_address(
    *,
    workspace: Workspace,
    email_key: str,
    subscriber: Subscriber | None = None,
    **columns: Unpack[LineColumns],
) -> ConsentRecord:
    """Write a record about an address, which may have no subscriber."""
    line = line_of_address(
        workspace=workspace, email_key=email_key, subscriber=subscriber, **columns
    )
    quick_rows.insert([line])
    return line


def line_of_address(  # noqa: PLR0913 - the columns of a line
    *,
    workspace: Workspace,
    email_key: str,
    kind: ConsentRecord.Kind,
    circumstances: Circumstances,
    now: datetime,
    subscriber: Subscriber | None = None,
    method: str = "",
    reason: str = "",
    list_name: str = "",
    text_hash: str = "",
) -> ConsentRecord:
    """Return a record that is not stored yet, for callers that insert many at once."""
    key = circumstances.api_key
    return ConsentRecord(
        workspace=workspace,
        subscriber=subscriber,
        address_hash=address_hash(workspace.address_hash_key, email_key),
        kind=kind,
        method=method[:LONGEST_METHOD],
        at=now,
        ip=_address_or_none(circumstances.ip),
        user_agent=_plain(circumstances.user_agent)[:LONGEST_USER_AGENT],
        event_id=circumstances.event_id,
        api_key=key.prefix if key else "",
        request_id=circumstances.request_id[:LONGEST_REQUEST_ID],
        list_name=list_name[:LONGEST_LIST_NAME],
        text_hash=text_hash,
        reason=_plain(reason)[:LONGEST_REASON],
        actor=circumstances.actor[:LONGEST_ACTOR],
    )


def hash_of_text(*parts: str) -> str:
    """Return the SHA-256, as hex, of a text that people agreed to; NUL separates the parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _plain(text: str) -> str:
    """Return a text as one line that both databases can store: browsers send anything."""
    return mail.header_text(text)


def _address_or_none(text: str | None) -> str | None:
    """Return an IP address, or None for other text that a proxy wrote."""
    try:
        # Without the interface's name, which no database stores.
        return str(ipaddress.ip_address((text or "").partition("%")[0]))
    except ValueError:
        return None
