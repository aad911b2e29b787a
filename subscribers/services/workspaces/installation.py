"""The SECRET_KEY that all processes of an installation share, and whether it is on hold.

The queue's tasks are signed with the key. A process with another key would drop them silently, so
it does not start. A keyed hash is stored, which does not reveal the key.

A restored copy is on hold: no mail is sent, no webhook called, no job run, no file imported.
"""

import hashlib
import hmac
from datetime import datetime

from django.db.models import Exists

from subscribers.models import Installation

PURPOSE = b"cueline.installation"


class SecretKeyDiffers(ValueError):
    """The database belongs to processes with another SECRET_KEY."""

    code = "SECRET_KEY_DIFFERS"

    def __init__(self) -> None:
        super().__init__(
            "SECRET_KEY is not the one that this installation began with: every host needs the"
            " same. If it was changed on purpose, stop all workers and run"
            " manage.py worker --accept-new-secret-key."
        )


def check_secret_key(*, secret_key: str) -> None:
    """Store the first process's fingerprint; raise `SecretKeyDiffers` for another key later."""
    fingerprint = fingerprint_of(secret_key)
    installation, _ = Installation.objects.get_or_create(
        pk=1, defaults={"secret_key_fingerprint": fingerprint}
    )
    kept = installation.secret_key_fingerprint
    if not hmac.compare_digest(kept, fingerprint):
        raise SecretKeyDiffers


def has_other_key(*, secret_key: str) -> bool:
    """Tell whether the installation has another key; stores nothing."""
    kept = Installation.objects.values_list("secret_key_fingerprint", flat=True).first()
    return kept is not None and not hmac.compare_digest(kept, fingerprint_of(secret_key))


def accept_secret_key(*, secret_key: str) -> bool:
    """Make this key the installation's; False when it was already. The caller empties the queue."""
    fingerprint = fingerprint_of(secret_key)
    _, is_new = Installation.objects.get_or_create(
        pk=1, defaults={"secret_key_fingerprint": fingerprint}
    )
    others = Installation.objects.exclude(secret_key_fingerprint=fingerprint)
    return bool(others.update(secret_key_fingerprint=fingerprint)) or is_new


def fingerprint_of(secret_key: str) -> str:
    return hmac.new(secret_key.encode(), PURPOSE, hashlib.sha256).hexdigest()


def on_hold_since() -> datetime | None:
    held = Installation.objects.filter(on_hold_since__isnull=False)
    return held.values_list("on_hold_since", flat=True).first()


def is_on_hold() -> Exists:
    """Return the condition for a claim: asked in its own transaction, it lets no work slip by."""
    return Exists(Installation.objects.filter(on_hold_since__isnull=False))


def resume() -> bool:
    """End the hold; False if there was none. Due work goes on with the next tick."""
    return bool(Installation.objects.filter(on_hold_since__isnull=False).update(on_hold_since=None))
