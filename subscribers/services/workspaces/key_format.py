"""An API key: `cue_` + 10 lower-case characters (stored) + `_` + 40 characters (hashed)."""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass

_PREFIX_CHARACTERS = string.ascii_lowercase + string.digits
_SECRET_CHARACTERS = string.ascii_letters + string.digits
_FORM = re.compile(r"(cue_[a-z0-9]{10})_[A-Za-z0-9]{40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key in clear, shown once, and its stored parts."""

    text: str
    prefix: str
    key_hash: str


def generate() -> NewKey:
    """Return a new key with 238 random bits beyond its prefix."""
    prefix = "cue_" + "".join(secrets.choice(_PREFIX_CHARACTERS) for _ in range(10))
    text = f"{prefix}_" + "".join(secrets.choice(_SECRET_CHARACTERS) for _ in range(40))
    return NewKey(text=text, prefix=prefix, key_hash=hash_of(text))


def hash_of(text: str) -> str:
    """Return the SHA-256 as hex; a wholly random key needs no salt."""
    return hashlib.sha256(text.encode()).hexdigest()


def prefix_of(text: str) -> str | None:
    """Return the prefix that finds the key; None for other text."""
    match = _FORM.fullmatch(text)
    return match.group(1) if match else None
