"""API keys: made, found for a request, revoked."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models

from subscribers import key_format
from subscribers.models import ApiKey, Workspace
from subscribers.models.api_key import Scope

# A hot row written by every request would cost a third of the throughput.
LAST_USED_PRECISION = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """The stored key, and its text, which cannot be shown again."""

    api_key: ApiKey
    text: str


def create(
    *,
    workspace: Workspace,
    name: str,
    scopes: Sequence[Scope] = (),
    expires_at: datetime | None = None,
) -> CreatedKey:
    """Create a key; without scopes it may do everything."""
    new_key = key_format.generate()
    api_key = ApiKey.objects.create(
        workspace=workspace,
        name=name,
        prefix=new_key.prefix,
        key_hash=new_key.key_hash,
        scopes=[scope.value for scope in dict.fromkeys(scopes)],
        expires_at=expires_at,
    )
    return CreatedKey(api_key=api_key, text=new_key.text)


def find_usable(*, text: str, now: datetime) -> ApiKey | None:
    """Return the key with its workspace, or None when it is unknown, revoked or expired."""
    prefix = key_format.prefix_of(text)
    if prefix is None:
        return None
    api_key = ApiKey.objects.select_related("workspace").filter(prefix=prefix).first()
    if api_key is None or not hmac.compare_digest(api_key.key_hash, key_format.hash_of(text)):
        return None
    return api_key if api_key.is_usable(at=now) else None


def note_use(*, api_key: ApiKey, now: datetime) -> None:
    """Remember when the key was last used, to within five minutes."""
    cutoff = now - LAST_USED_PRECISION
    if api_key.last_used_at is not None and api_key.last_used_at > cutoff:
        return
    ApiKey.objects.filter(
        models.Q(last_used_at=None) | models.Q(last_used_at__lte=cutoff), pk=api_key.pk
    ).update(last_used_at=now)


def revoke(*, api_key: ApiKey, now: datetime) -> None:
    """Refuse the key from the next request on; repeating it changes nothing."""
    ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=now)
