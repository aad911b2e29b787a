"""Tokens in addresses that mail comes back to: `bounces+{token}@mail.example.com`.

Mail programs and servers may change the case of an address's local part, so a token is base 32: the
lower-case letters and 2 to 7. The pattern of a setting has one `{token}`.
"""

import binascii
import re
from base64 import b32decode, b32encode

PLACE = "{token}"
_BYTES_PER_GROUP, _LETTERS_PER_GROUP = 5, 8


def address(*, pattern: str, secret: bytes) -> str:
    """Return the pattern with a token of these bytes."""
    return pattern.replace(PLACE, b32encode(secret).decode().rstrip("=").lower())


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
