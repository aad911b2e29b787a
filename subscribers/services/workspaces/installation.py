"""The SECRET_KEY that all processes of an installation share.

The queue's tasks are signed with it. A process with another key would drop them silently, so it
does not start. A keyed hash is stored, which does not reveal the key.
"""

import hashlib
import hmac

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
    fingerprint = _fingerprint(secret_key)
    installation, _ = Installation.objects.get_or_create(
        pk=1, defaults={"secret_key_fingerprint": fingerprint}
    )
    kept = installation.secret_key_fingerprint
    if not hmac.compare_digest(kept, fingerprint):
        raise SecretKeyDiffers


def has_other_key(*, secret_key: str) -> bool:
    """Tell whether the installation has another key; stores nothing."""
    kept = Installation.objects.values_list("secret_key_fingerprint", flat=True).first()
    return kept is not None and not hmac.compare_digest(kept, _fingerprint(secret_key))


def accept_secret_key(*, secret_key: str) -> bool:
    """Make this key the installation's; False when it was already. The caller empties the queue."""
    fingerprint = _fingerprint(secret_key)
    _, is_new = Installation.objects.get_or_create(
        pk=1, defaults={"secret_key_fingerprint": fingerprint}
    )
    others = Installation.objects.exclude(secret_key_fingerprint=fingerprint)
    return bool(others.update(secret_key_fingerprint=fingerprint)) or is_new


def _fingerprint(secret_key: str) -> str:
    return hmac.new(secret_key.encode(), PURPOSE, hashlib.sha256).hexdigest()
