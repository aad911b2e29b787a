"""Tokens that name a mail: in addresses that it comes back to, `bounces+{token}@mail.example.com`,
and in its tracked links.

Mail programs and servers may change the case of an address's local part, so a token is base 32: the
lower-case letters and 2 to 7. The pattern of a setting has one `{token}`.
"""

import binascii
import hashlib
import hmac
import re
from base64 import b32decode, b32encode
from uuid import UUID

PLACE = "{token}"
_BYTES_PER_GROUP, _LETTERS_PER_GROUP = 5, 8
ID_BYTES, MARK_BYTES = 16, 10
TOKEN_BYTES = ID_BYTES + MARK_BYTES


def secret_of(*, email_id: UUID, key: str, purpose: str, content: str = "") -> bytes:
    """Return a mail's id and 80 bits of an HMAC, under a random value of its workspace: nobody can
    guess the token of a mail that they did not receive, and no rotation of a setting ends it.
    """
    message = b"".join((purpose.encode(), email_id.bytes, content.encode()))
    mark = hmac.new(key.encode(), message, hashlib.sha256).digest()[:MARK_BYTES]
    return email_id.bytes + mark


def encode(secret: bytes) -> str:
    return b32encode(secret).decode().rstrip("=").lower()


def decode(token: str, *, size: int) -> bytes | None:
    """Return the bytes of a token of this size, in its one form; None for other text."""
    is_one = len(token) == letters_of(size) and token.isascii()
    found = _decoded(token) if is_one else None
    return found if found is not None and encode(found) == token else None


def address(*, pattern: str, secret: bytes) -> str:
    """Return the pattern with a token of these bytes."""
    return pattern.replace(PLACE, encode(secret))


def find(*, pattern: str, size: int, text: str) -> list[bytes]:
    """Return the tokens of so many bytes in the addresses of a header's text; none for an empty
    pattern. In time that grows with the text.
    """
    if not pattern:
        return []
    before, _, after = map(re.escape, pattern.partition(PLACE))
    token = f"([a-z2-7]{{{letters_of(size)}}})"
    # Not within another address.
    whole = re.compile(rf"(?<![\w.+-]){before}{token}{after}(?![\w.+-])", re.ASCII | re.IGNORECASE)
    return [found for each in whole.finditer(text) if (found := _decoded(each[1])) is not None]


def letters_of(size: int) -> int:
    """Return how long a token of so many bytes is."""
    return -(-size * _LETTERS_PER_GROUP // _BYTES_PER_GROUP)


def _decoded(token: str) -> bytes | None:
    padding = "=" * (-len(token) % _LETTERS_PER_GROUP)
    try:
        return b32decode(token.upper() + padding)
    except binascii.Error:
        return None
