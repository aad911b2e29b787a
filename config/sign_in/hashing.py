"""Password hashes: Argon2, for at most two requests at a time in a process.

Hashing is slow on purpose and needs no key, so a flood of the sign-in page would take all
threads and both cores from events. The third is refused at once, on whatever page it is asked for.
One thread of a lower priority hashes for all, so that on two cores one is left for events.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    PBKDF2PasswordHasher,
    make_password,
)
from django.contrib.auth.models import User

from config.sign_in.limits import Reason, Refused

AT_ONCE = 2
OLD = "pbkdf2_sha256"
NICENESS = 5
Result = TypeVar("Result")
_slots = threading.BoundedSemaphore(AT_ONCE)
_held = threading.local()


def _step_back() -> None:
    # Elsewhere it would change the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


_thread = ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=_step_back)


def _aside(work: Callable[..., Result], *given: object) -> Result:
    with slot():
        return _thread.submit(work, *given).result()


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
        return _aside(super().encode, password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        return _aside(super().verify, password, encoded)


class OldHasher(PBKDF2PasswordHasher):
    """The hashes of release 0.2.0; a sign-in replaces them. Its `verify` encodes."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        return _aside(super().encode, password, salt, iterations)


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
