"""`GET /account`: which workspace a key belongs to, and what it may do."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from config.http.errors import json_response
from subscribers.api.base import ApiView
from subscribers.api.openapi import (
    FLAG,
    RATE_LIMIT_HEADERS,
    READING_ERRORS,
    REQUEST_ID,
    SUCCESS,
    answers,
    listing,
    public_id,
    record,
    text,
)
from subscribers.ids import encode
from subscribers.models.api_key import Scope

KEY = record(
    {
        "id": public_id("key"),
        "name": text("Which application uses it."),
        "prefix": text("The first characters of the key."),
        "type": {"const": "company"},
        "isTest": FLAG,
    },
    required=["id", "name", "prefix", "type", "isTest"],
)
ANSWER = record(
    {
        "success": SUCCESS,
        "companies": listing(
            record({"id": public_id("wsp"), "name": text("The workspace."), "role": text("")})
        ),
        "currentCompanyId": public_id("wsp"),
        "user": record({"id": public_id("key")}),
        "message": text("A sentence."),
        "apiKeyPermissions": record(
            {
                "scopes": {"type": ["array", "null"], "items": {"type": "string"}},
                "fullAccess": FLAG,
                "preset": {"enum": ["custom", "full_access"]},
                "activeKey": KEY,
            },
            required=["scopes", "fullAccess", "activeKey"],
        ),
        "workspace": record(
            {
                "id": public_id("wsp"),
                "name": text("Shown to people who get mail."),
                "slug": text("Its short name for commands."),
                "doubleOptIn": FLAG,
                "timezone": text("IANA name."),
            },
            required=["id", "name", "slug", "doubleOptIn", "timezone"],
        ),
        "apiKey": KEY,
    },
    required=["success", "workspace", "apiKey", "apiKeyPermissions"],
)


class AccountView(ApiView):
    http_method_names = ["get"]  # noqa: RUF012 - Django declares it on the instance
    required_scope = Scope.ACCOUNT_READ

    @extend_schema(
        operation_id="account",
        summary="Which workspace the key belongs to, and what it may do",
        tags=["Account"],
        parameters=[REQUEST_ID, *RATE_LIMIT_HEADERS],
        responses=answers({200: ("The workspace and the key.", ANSWER)}, errors=READING_ERRORS),
    )
    def get(self, request: Request) -> HttpResponse:
        workspace, api_key = self.workspace, self.api_key
        workspace_id = encode("wsp", workspace.pk)
        active_key = {
            "id": encode("key", api_key.pk),
            "name": api_key.name,
            "prefix": api_key.prefix,
            "type": "company",
            "isTest": api_key.is_test,
        }
        permissions = {
            "scopes": api_key.scopes or None,
            "fullAccess": not api_key.scopes,
            "preset": "custom" if api_key.scopes else "full_access",
            "activeKey": active_key,
        }
        return json_response(
            {
                "success": True,
                "companies": [{"id": workspace_id, "name": workspace.name, "role": "api_key"}],
                "currentCompanyId": workspace_id,
                "user": {"id": active_key["id"]},
                "message": f"This key belongs to the workspace {workspace.name}.",
                "apiKeyPermissions": permissions,
                "workspace": {
                    "id": workspace_id,
                    "name": workspace.name,
                    "slug": workspace.slug,
                    "doubleOptIn": workspace.double_opt_in,
                    "timezone": workspace.timezone,
                },
                "apiKey": active_key,
            }
        )
