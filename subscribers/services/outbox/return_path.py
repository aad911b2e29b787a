"""The envelope sender of each email (RETURN_PATH), to which mail servers send their bounces.

Its token outlives every rotation of a setting, so no late bounce is unknown.
"""

import hmac
from uuid import UUID

from django.conf import settings

from subscribers.models import OutgoingEmail, Workspace
from subscribers.wire import mail_tokens

_PURPOSE = "cueline.return-path:"


def address_of(*, email_id: UUID, workspace: Workspace) -> str:
    """Return the envelope sender of an email; empty without RETURN_PATH."""
    pattern: str = settings.RETURN_PATH
    if not pattern:
        return ""
    return mail_tokens.address(pattern=pattern, secret=_secret(email_id, workspace))


def email_of(token: bytes) -> OutgoingEmail | None:
    """Return the email of a token with its workspace; None for other bytes."""
    email_id = UUID(bytes=token[: mail_tokens.ID_BYTES])
    email = OutgoingEmail.objects.select_related("workspace").filter(pk=email_id).first()
    if email is None or not hmac.compare_digest(_secret(email_id, email.workspace), token):
        return None
    return email


def _secret(email_id: UUID, workspace: Workspace) -> bytes:
    key = workspace.address_hash_key
    return mail_tokens.secret_of(email_id=email_id, key=key, purpose=_PURPOSE)
