"""Mail addresses: what is accepted, how it is stored, and when two are the same person.

Accepted is what email-validator takes in strict mode without SMTPUTF8 and without a DNS look-up.
Stored is the local part as it was given, with the domain in lower-case Unicode. Compared is the
`key`: everything in lower case, the domain in its ASCII (IDNA) form.
"""

from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LONGEST = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets.


class InvalidAddress(ValueError):
    """The text is no address that mail can be sent to; the message says why."""

    code = "VALIDATION_ERROR"


@dataclass(frozen=True, slots=True)
class Address:
    """One address: `text` to write to, `key` to compare by."""

    text: str
    key: str

    @property
    def mailbox(self) -> str:
        """The address as headers and SMTP carry it: its domain in ASCII."""
        return f"{self.text.rpartition('@')[0]}@{self.key.rpartition('@')[2]}"


@lru_cache(maxsize=10_000)
def parse(text: str) -> Address:
    """Return the address, or raise `InvalidAddress`."""
    trimmed = text.strip()
    if len(trimmed) > LONGEST:
        raise InvalidAddress(f"is longer than {LONGEST} characters.")
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
