"""What an empty database needs before anybody can use it."""

import secrets
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import transaction

from config.management.database_lock import exclusive_database_use
from subscribers.models import Workspace
from subscribers.services.workspaces import api_keys, workspaces

ADMIN_NAME = "admin"


@dataclass(frozen=True, slots=True)
class Made:
    """What was made; None where it was there already. Shown once, stored nowhere in clear."""

    password: str | None
    api_key: str | None


def make_what_is_missing() -> Made:
    """Make an admin user where there is none, and a workspace with a key where there is none.

    All or nothing; two processes that start together make one of each.
    """
    with exclusive_database_use(), transaction.atomic():
        return Made(password=_make_admin(), api_key=_make_workspace())


def _make_admin() -> str | None:
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(18)
    users.create_superuser(username=ADMIN_NAME, password=password)
    return password


def _make_workspace() -> str | None:
    if Workspace.objects.exists():
        return None
    workspace = workspaces.create(name="Default", slug="default")
    return api_keys.create(workspace=workspace, name="First key").text
