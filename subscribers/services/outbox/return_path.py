"""The envelope sender of each email (RETURN_PATH), to which mail servers send their bounces.

Its token is the email's id and 80 bits of an HMAC under a random value of the workspace, stored in
the database: no rotation of a setting makes a late bounce unknown, and nobody can guess the token
of a mail that they did not receive.
"""

import hashlib
import hmac
from uuid import UUID

from django.conf import settings

from subscribers.models import OutgoingEmail, Workspace
from subscribers.wire import mail_tokens

ID_BYTES, MARK_BYTES = 16, 10
TOKEN_BYTES = ID_BYTES + MARK_BYTES
_PURPOSE = b"cueline.return-path:"


def address_of(*, email_id: UUID, workspace: Workspace) -> str:
    """Return the envelope sender of an email; empty without RETURN_PATH."""
    pattern: str = settings.RETURN_PATH
    if not pattern:
        return ""
    secret = email_id.bytes + _mark(email_id, workspace)
    return mail_tokens.address(pattern=pattern, secret=secret)


def email_of(token: bytes) -> OutgoingEmail | None:
    """Return the email of a token with its workspace; None for other bytes."""
    email_id = UUID(bytes=token[:ID_BYTES])
    email = OutgoingEmail.objects.select_related("workspace").filter(pk=email_id).first()
    if email is None or not hmac.compare_digest(_mark(email_id, email.workspace), token[ID_BYTES:]):
        return None
    return email


def _mark(email_id: UUID, workspace: Workspace) -> bytes:
    key = workspace.address_hash_key.encode()
    return hmac.new(key, _PURPOSE + email_id.bytes, hashlib.sha256).digest()[:MARK_BYTES]
