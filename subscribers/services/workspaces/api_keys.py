"""API keys: created, found for a request, revoked.

A process caches keys with their workspaces and checks at each request that the key is not revoked
and the workspace's `config_version` is unchanged. So every change of a key except revocation and
last use must raise the version, through a service.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, models, transaction

from subscribers.models import ApiKey, Workspace
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import key_format, workspaces

# A hot row written by every request would cost a third of the throughput.
LAST_USED_PRECISION = timedelta(minutes=5)
MOST_KEYS = 10_000
# The ORM would take half of a small request to build this query (measured).
STILL_HOLDS = """
SELECT w.config_version
FROM subscribers_apikey k
JOIN subscribers_workspace w ON w.id = k.workspace_id
WHERE k.prefix = %s AND k.key_hash = %s AND k.revoked_at IS NULL
"""
_known: dict[str, ApiKey] = {}


class NoScopes(ValueError):
    """A key that may do nothing."""

    code = "VALIDATION_ERROR"


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """The stored key, and its text, which cannot be shown again."""

    api_key: ApiKey
    text: str


def create(
    *,
    workspace: Workspace,
    name: str,
    scopes: Sequence[Scope] | None = None,
    expires_at: datetime | None = None,
    is_test: bool = False,
) -> CreatedKey:
    """Create a key; `scopes` of None is full access. Raises `NoScopes`.

    A test key's requests send no email and call no webhook; `is_test` never changes, so that
    processes may cache it.
    """
    new_key = key_format.generate()
    api_key = ApiKey.objects.create(
        workspace=workspace,
        name=name,
        prefix=new_key.prefix,
        key_hash=new_key.key_hash,
        scopes=words_of(scopes),
        expires_at=expires_at,
        is_test=is_test,
    )
    return CreatedKey(api_key=api_key, text=new_key.text)


def words_of(scopes: Sequence[Scope] | None) -> list[str] | None:
    """Return scopes as they are stored; raises `NoScopes`."""
    if scopes is None:
        return None
    if not scopes:
        raise NoScopes("A key needs at least one scope, or full access.")
    return [scope.value for scope in dict.fromkeys(scopes)]


def find_usable(*, text: str, now: datetime) -> ApiKey | None:
    """Return the key with its workspace; None when unknown, revoked or expired. The object is
    shared with other requests of this process: do not change it.
    """
    prefix = key_format.prefix_of(text)
    if prefix is None:
        return None
    key_hash = key_format.hash_of(text)
    api_key = _known_and_unchanged(prefix) or _read(prefix)
    if api_key is None or not hmac.compare_digest(api_key.key_hash, key_hash):
        return None
    return api_key if api_key.is_usable(at=now) else None


def recall(*, text: str, now: datetime) -> ApiKey | None:
    """Return the cached key, or None, without a query. Only for statements that check themselves
    that key and workspace are unchanged.
    """
    known = _known.get(key_format.prefix_of(text) or "")
    if known is None or not hmac.compare_digest(known.key_hash, key_format.hash_of(text)):
        return None
    is_use_noted = known.last_used_at and known.last_used_at > now - LAST_USED_PRECISION
    return known if is_use_noted and known.is_usable(at=now) else None


def note_use(*, api_key: ApiKey, now: datetime) -> None:
    """Record when the key was last used, to within five minutes."""
    cutoff = now - LAST_USED_PRECISION
    if api_key.last_used_at is not None and api_key.last_used_at > cutoff:
        return
    ApiKey.objects.filter(
        models.Q(last_used_at=None) | models.Q(last_used_at__lte=cutoff), pk=api_key.pk
    ).update(last_used_at=now)
    api_key.last_used_at = now


def save(*, api_key: ApiKey) -> None:
    """Store another name or other scopes."""
    with transaction.atomic():
        api_key.save(update_fields=["name", "scopes"])
        workspaces.configuration_changed(workspace_id=api_key.workspace_id)


def revoke(*, api_key: ApiKey, now: datetime) -> None:
    """Refuse the key from the next request on. Idempotent."""
    ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=now)


def _known_and_unchanged(prefix: str) -> ApiKey | None:
    known = _known.get(prefix)
    if known is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(STILL_HOLDS, [prefix, known.key_hash])
        row = cursor.fetchone()
    is_unchanged = row is not None and row[0] == known.workspace.config_version
    return known if is_unchanged else None


def _read(prefix: str) -> ApiKey | None:
    api_key = ApiKey.objects.select_related("workspace").filter(prefix=prefix).first()
    if api_key is not None:
        if len(_known) >= MOST_KEYS:
            _known.clear()
        _known[prefix] = api_key
    return api_key
