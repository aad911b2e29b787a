"""Authentication: `Authorization: Bearer <key>`, and the scopes of the key."""

from datetime import UTC, datetime
from typing import cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from config.http.request_log import CALLER
from subscribers.models import ApiKey
from subscribers.models.api_key import Scope
from subscribers.services.storage import connections
from subscribers.services.workspaces import api_keys


class ApiKeyAuthentication(BaseAuthentication):
    """Finds a request's key; unknown, revoked and expired keys get the same answer."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        text = bearer_of(request.headers.get("Authorization", ""))
        if not text:
            raise NotAuthenticated("An API key is needed: Authorization: Bearer <key>.")
        now = datetime.now(tz=UTC)
        try:
            api_key = api_keys.find_usable(text=text, now=now)
        except connections.LOST:
            # This first query changes nothing: a dead connection of the pool costs a second one.
            if not connections.renew():
                raise
            api_key = api_keys.find_usable(text=text, now=now)
        if api_key is None:
            raise AuthenticationFailed("The API key is unknown, revoked or expired.")
        api_keys.note_use(api_key=api_key, now=now)
        request.META[CALLER] = log_fields(api_key)
        return (None, api_key)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def bearer_of(header: str) -> str:
    """Return the text after `Bearer`; empty where there is none."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


class HasScope(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        scope: Scope | None = getattr(view, "required_scope")  # noqa: B009 - every ApiView has one
        if scope is None:
            return True
        self.message = f"The API key lacks the scope {scope.value}."
        return key_of(request).allows(scope)


def log_fields(api_key: ApiKey) -> dict[str, str]:
    return {"workspace": api_key.workspace.slug, "api_key": api_key.prefix}


def key_of(request: Request) -> ApiKey:
    return cast("ApiKey", request.auth)
