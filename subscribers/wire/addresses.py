"""Mail addresses: which are accepted, how they are stored, and which are equal.

Accepted: what email-validator takes in strict mode without SMTPUTF8 and DNS. Stored: the local part
as given, with the domain in lower-case Unicode. Compared: the `key`, all in lower case, with the
domain in its ASCII (IDNA) form.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LONGEST = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets.
# Local parts that are always valid (RFC 5321's dot-string without its rarer characters, 4.5.3.1.1's
# 64 octets at most), at a domain that is still to be checked.
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@)([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@([a-z0-9.-]+)", re.ASCII
)


class InvalidAddress(ValueError):
    """The text is not an address that mail can be sent to; the message says why."""

    code = "VALIDATION_ERROR"


@dataclass(frozen=True, slots=True)
class Address:
    """One address: `text` to write to, `key` to compare by."""

    text: str
    key: str

    @property
    def mailbox(self) -> str:
        """The address as headers and SMTP need it: with its domain in ASCII."""
        return f"{self.text.rpartition('@')[0]}@{self.key.rpartition('@')[2]}"


@lru_cache(maxsize=10_000)
def parse(text: str) -> Address:
    """Return the address, or raise `InvalidAddress`."""
    trimmed = text.strip()
    if len(trimmed) > LONGEST:
        raise InvalidAddress(f"is longer than {LONGEST} characters.")
    plain = _PLAIN.fullmatch(trimmed)
    if plain is not None and _is_plain_domain(plain[2]):
        return Address(text=trimmed, key=trimmed.lower())
    return _parse_any(trimmed)


@lru_cache(maxsize=10_000)
def _is_plain_domain(domain: str) -> bool:
    """Tell whether addresses at a domain are stored as given: most people share few domains."""
    try:
        return _parse_any(f"a@{domain}") == Address(text=f"a@{domain}", key=f"a@{domain}")
    except InvalidAddress:
        return False


def _parse_any(trimmed: str) -> Address:
    try:
        valid = validate_email(
            trimmed, check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError as error:
        raise InvalidAddress(f"is not a valid address: {error}") from error
    domain = valid.ascii_domain.lower()
    return Address(
        text=f"{valid.local_part}@{valid.domain.lower()}",
        key=f"{valid.local_part.lower()}@{domain}",
    )
