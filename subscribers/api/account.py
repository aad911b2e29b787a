"""`GET /account`: which workspace a key belongs to, and what it may do."""

from django.http import HttpResponse
from rest_framework.request import Request

from config.http.errors import json_response
from subscribers.api.base import ApiView
from subscribers.ids import encode
from subscribers.models.api_key import Scope


class AccountView(ApiView):
    """The workspace and the key of the request."""

    http_method_names = ["get"]  # noqa: RUF012 - Django declares it on the instance
    required_scope = Scope.ACCOUNT_READ

    def get(self, request: Request) -> HttpResponse:
        workspace, api_key = self.workspace, self.api_key
        workspace_id = encode("wsp", workspace.pk)
        active_key = {
            "id": encode("key", api_key.pk),
            "name": api_key.name,
            "prefix": api_key.prefix,
            "type": "company",
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
