"""What an empty database needs before anybody can use it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q

from config.management.database_lock import exclusive_database_use
from events.services.demo.imports import OWNER
from subscribers.models import ApiKey, ImportRun, Workspace
from subscribers.services.workspaces import api_keys, workspaces

ADMIN_NAME = "admin"
SLUG = "default"
KEY_NAME = "First key"


@dataclass(frozen=True, slots=True)
class Made:
    """What was created, None if it existed. Shown once, stored nowhere in clear."""

    password: str | None
    api_key: str | None


def make_what_is_missing(*, keep: Callable[[Made], None] = lambda _: None) -> Made:
    """Create an admin user if there is none, and an API key if there is no usable one.

    All or nothing; two processes that start together create one of each. `keep` stores what was
    made; nothing is made if it raises.
    """
    with exclusive_database_use(), transaction.atomic():
        made = Made(password=_make_admin(), api_key=_make_key())
        if made.password or made.api_key:
            keep(made)
        return made


def _make_admin() -> str | None:
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(18)
    users.create_superuser(username=ADMIN_NAME, password=password)
    return password


def _make_key() -> str | None:
    """Create the first key, in the workspace `default`; a revoked key is not replaced."""
    # The texts of a demo's keys are never shown.
    demos = ImportRun.objects.filter(actor=OWNER).values("workspace")
    if ApiKey.objects.filter(~Q(workspace__in=demos) | Q(name=KEY_NAME)).exists():
        return None
    workspace = Workspace.objects.filter(slug=SLUG).first()
    workspace = workspace or workspaces.create(name="Default", slug=SLUG)
    return api_keys.create(workspace=workspace, name=KEY_NAME).text
