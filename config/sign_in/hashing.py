"""Password hashes: Argon2, and at most two at a time in a process.

Hashing is slow on purpose and needs no key, so whoever floods the sign-in page would take all
threads and both cores from events. The third is refused at once, on whatever page it is asked for.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    PBKDF2PasswordHasher,
    make_password,
)
from django.contrib.auth.models import User

from config.sign_in.limits import Reason, Refused

AT_ONCE = 2
OLD = "pbkdf2_sha256"
_slots = threading.BoundedSemaphore(AT_ONCE)
_held = threading.local()


@contextmanager
def slot() -> Iterator[None]:
    """Take a slot, or raise `Refused`; within a slot it takes no other."""
    if getattr(_held, "is_held", False):
        yield
        return
    if not _slots.acquire(blocking=False):
        raise Refused(Reason.BUSY, timedelta(seconds=2))
    _held.is_held = True
    try:
        yield
    finally:
        _held.is_held = False
        _slots.release()


class Argon2Hasher(Argon2PasswordHasher):
    """OWASP's first choice: 19 MiB and 2 rounds in one thread; about 25 ms."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with slot():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with slot():
            return super().verify(password, encoded)


class OldHasher(PBKDF2PasswordHasher):
    """The hashes of release 0.2.0; a sign-in replaces them."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with slot():
            return super().encode(password, salt, iterations)

    def verify(self, password: str, encoded: str) -> bool:
        with slot():
            return super().verify(password, encoded)


def is_right(password: str, *, person: User | None) -> bool:
    """Check a password; a wrong one costs the same for every name, whether somebody has it or not.

    Holds a slot throughout, so that an old hash is replaced in the same request.
    """
    with slot():
        if person is not None and person.check_password(password):
            return True
        if person is None:
            make_password(password)
        is_old = person is not None and person.password.startswith(OLD)
        if is_old or User.objects.filter(password__startswith=OLD).exists():
            make_password(password, hasher="default" if is_old else OLD)
        return False
