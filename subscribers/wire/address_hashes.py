"""Keyed hashes of addresses: what remains of an address when the person is erased.

HMAC-SHA256 under a random value of the workspace, stored in the database: no rotation of a setting
loses a suppression, and hashes of one address differ between workspaces.
"""

import hashlib
import hmac

from subscribers.wire.mailboxes import folded


def address_hash(key: str, email_key: str) -> str:
    """Return the hash of an address, 64 hex digits; `email_key` is what addresses compare by."""
    return hmac.new(key.encode(), email_key.encode(), hashlib.sha256).hexdigest()


def mailbox_hash(key: str, email_key: str) -> str:
    """Return the hash of the mailbox that an address most likely reaches, 64 hex digits."""
    return address_hash(key, folded(email_key))
