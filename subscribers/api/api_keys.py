"""`/api-keys`: who calls the API, and what they may do. A key never gives more than it has."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict
from msgspec.structs import replace as replaced

from subscribers import ids
from subscribers.api.calls import (
    Answered,
    ResourceView,
    Shape,
    etag_of,
    id_in_path,
    reads,
    writes,
)  # fmt: skip
from subscribers.api.errors import ApiError
from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.values import Flag, KeyId, Moment, one_of, several
from subscribers.models import ApiKey
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest, read_name

LONGEST_NAME = 200
CUSTOM, FULL = "custom", "full_access"
# What a preset may do. Of the hosted product's other presets each needs scopes that are not here.
PRESETS: Mapping[str, Sequence[Scope] | None] = {
    FULL: None,
    "read_only": (
        Scope.ACCOUNT_READ, Scope.SUBSCRIBERS_READ, Scope.LISTS_READ, Scope.SEQUENCES_READ,
    ),
    "data_ingest_safe": (
        Scope.ACCOUNT_READ, Scope.EVENTS_WRITE, Scope.SUBSCRIBERS_READ, Scope.SUBSCRIBERS_WRITE,
        Scope.SUBSCRIBERS_TAG,
    ),
}  # fmt: skip


def _read_name(value: object) -> str:
    return read_name(value, longest=LONGEST_NAME)


def _read_scope(value: object) -> Scope:
    try:
        return Scope(str(value))
    except ValueError as error:
        raise InvalidField(f"must be one of {', '.join(Scope.values)}.") from error


KeyName = Annotated[str, Reads(_read_name, {"type": "string", "maxLength": LONGEST_NAME})]
Preset = Annotated[str, one_of(*PRESETS)]
Scopes = Annotated[
    list[Scope],
    several(Reads(_read_scope, {"type": "string", "enum": Scope.values}), most=len(Scope)),
]
KeyOfPath = Annotated[UUID, id_in_path("key")]


@inputs
class KeyChange(Inputs):
    """`scopes` win over `preset`; null is full access, and needs a key that has it."""

    name: KeyName | None = None
    preset: Preset | None = None
    scopes: Scopes | UnsetType | None = UNSET

    def find_faults(self) -> Iterator[Fault]:
        if self.scopes == []:
            yield Fault("scopes", "is empty: such a key may do nothing.")
        if self.scopes is None and self.preset not in {None, FULL}:
            yield Fault(
                "scopes", f"is null, which is full access and not the preset {self.preset}."
            )

    def wanted(self) -> Sequence[Scope] | None:
        """Return what the key may do; None is full access, also where nothing is given."""
        return PRESETS[self.preset or FULL] if self.scopes is UNSET else self.scopes


@inputs
class NewApiKey(KeyChange):
    """`preset` full_access is the default. `isTest`: it sends no mail and calls no webhook."""

    is_test: Flag = False
    expires_at: Moment | None = None


class Permissions(Shape, kw_only=True):
    scopes: list[str] | None
    full_access: bool
    preset: str


class KeyShape(Shape, kw_only=True):
    """Of the key itself only the first characters, `prefix`."""

    id: KeyId
    name: str
    prefix: str
    is_current: bool
    is_test: bool
    permissions: Permissions
    scopes: list[str] | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    type: str = "company"


class NewKeyShape(KeyShape, kw_only=True):
    """`key` is shown in this answer, and never again."""

    key: str


class ListedKey(KeyShape, kw_only=True):
    """`etag`: what `If-Match` takes."""

    etag: str


class KeysAnswer(Answered, kw_only=True):
    api_keys: list[ListedKey]


class KeyAnswer(Answered, kw_only=True):
    api_key: KeyShape
    message: str

    @property
    def edited(self) -> Shape:
        return _edited(self.api_key)


class NewKeyAnswer(Answered, kw_only=True):
    api_key: NewKeyShape
    message: str


class KeysView(ResourceView):
    @reads("The workspace's API keys, newest first", scope=Scope.API_KEYS_MANAGE)
    def get(self) -> KeysAnswer:
        rows = ApiKey.objects.filter(workspace=self.workspace).order_by("-id")
        shapes = [shape_of(row, current=self.api_key) for row in rows]
        listed = [ListedKey(**asdict(each), etag=etag_of(_edited(each))) for each in shapes]
        return KeysAnswer(api_keys=listed)

    @writes(
        "Create an API key",
        scope=Scope.API_KEYS_MANAGE,
        description="Not with an Idempotency-Key: the answer, which is kept, would hold the key.",
        example={"name": "Shop", "scopes": ["events:write", "subscribers:read"]},
    )
    def post(self, given: NewApiKey) -> NewKeyAnswer:
        self.refuse_idempotency_key(because="for keys: the kept answer would hold the key")
        if given.expires_at is not None and given.expires_at <= self.now:
            raise InvalidRequest(Fault("expiresAt", "is in the past."))
        scopes = given.wanted()
        _refuse_more(self.api_key, scopes)
        made = api_keys.create(
            workspace=self.workspace,
            name=given.name or "API key",
            scopes=scopes,
            expires_at=given.expires_at,
            # What a test key makes is a test too.
            is_test=given.is_test or self.api_key.is_test,
        )
        shape = shape_of(made.api_key, current=self.api_key)
        return NewKeyAnswer(
            api_key=NewKeyShape(**asdict(shape), key=made.text),
            message="Keep the key now: it is shown once.",
        )


class KeyView(ResourceView):
    @writes("Change a key's name or scopes", scope=Scope.API_KEYS_MANAGE, example={"name": "Shop"})
    def patch(self, given: KeyChange, *, key_id: KeyOfPath) -> KeyAnswer:
        row = self._locked(key_id)
        # Also before a change that takes scopes away: a key cannot touch one that may do more.
        _refuse_more(self.api_key, row.scopes)
        if given.name:
            row.name = given.name
        if given.scopes is not UNSET or given.preset:
            scopes = given.wanted()
            _refuse_more(self.api_key, scopes)
            row.scopes = api_keys.words_of(scopes)
        api_keys.save(api_key=row)
        return KeyAnswer(
            api_key=shape_of(row, current=self.api_key),
            message="The change applies from the next request.",
        )

    @writes("Revoke a key", scope=Scope.API_KEYS_MANAGE)
    def delete(self, *, key_id: KeyOfPath) -> KeyAnswer:
        row = self._locked(key_id)
        if row.pk != self.api_key.pk:
            _refuse_more(self.api_key, row.scopes)
        api_keys.revoke(api_key=row, now=self.now)
        row.refresh_from_db(fields=["revoked_at"])
        return KeyAnswer(
            api_key=shape_of(row, current=self.api_key),
            message="The next request with it is refused.",
        )

    def _locked(self, key_id: UUID) -> ApiKey:
        found = self.locked_row(ApiKey.objects.all(), key_id, prefix="key")
        self.expect(_edited(shape_of(found, current=self.api_key)))
        return found


def permissions_of(row: ApiKey) -> Permissions:
    preset = next((name for name, words in PRESETS.items() if _is_same(row.scopes, words)), CUSTOM)
    return Permissions(scopes=row.scopes, full_access=row.scopes is None, preset=preset)


def shape_of(row: ApiKey, *, current: ApiKey) -> KeyShape:
    return KeyShape(
        id=ids.encode("key", row.pk),
        name=row.name,
        prefix=row.prefix,
        is_current=row.pk == current.pk,
        is_test=row.is_test,
        permissions=permissions_of(row),
        scopes=row.scopes,
        created_at=row.created_at,
        # Keys keep no time of their changes.
        updated_at=row.revoked_at or row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


def _edited(shape: KeyShape) -> KeyShape:
    """Return a key without what changes by using it."""
    return replaced(shape, last_used_at=None, is_current=False)


def _refuse_more(own: ApiKey, scopes: Sequence[str] | None) -> None:
    """Refuse to give, or to touch, what the calling key may not do itself."""
    if own.scopes is None:
        return
    has = set(own.scopes)
    more = ["full access"] if scopes is None else [each for each in scopes if each not in has]
    if more:
        raise ApiError("FORBIDDEN", f"This key has no {more[0]}, so it cannot give it.")


def _is_same(stored: Sequence[str] | None, words: Sequence[Scope] | None) -> bool:
    if stored is None or words is None:
        return stored is words
    return set(stored) == {each.value for each in words}
