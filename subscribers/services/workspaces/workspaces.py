"""Workspaces and their settings.

Every change that the write path may cache (settings, default lists, rules) calls
`configuration_changed` in its transaction.
"""

import re
import unicodedata
from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from subscribers.models import List, Workspace


class SlugTaken(ValueError):
    """Another workspace has the slug."""

    code = "CONFLICT"


def create(
    *,
    name: str,
    slug: str = "",
    double_opt_in: bool = False,
    from_email: str = "",
    default_lists: Sequence[str] = (),
) -> Workspace:
    """Create a workspace with its default lists; one transaction. Raises `SlugTaken`."""
    workspace = Workspace(
        name=name, slug=slug or slug_from(name), double_opt_in=double_opt_in, from_email=from_email
    )
    workspace.full_clean(validate_unique=False, validate_constraints=False)
    try:
        with transaction.atomic():
            workspace.save(force_insert=True)
            for list_name in dict.fromkeys(default_lists):
                default_list = List(workspace=workspace, name=list_name, is_default=True)
                default_list.full_clean(validate_unique=False, validate_constraints=False)
                default_list.save(force_insert=True)
    except IntegrityError as error:
        raise SlugTaken(f"The slug {workspace.slug!r} is taken.") from error
    return workspace


def save(*, changed: Workspace) -> None:
    with transaction.atomic():
        if changed._state.adding:
            changed.save()
            return
        # Without the version: another process may have raised it meanwhile.
        names = [field.name for field in Workspace._meta.fields if field.editable]
        changed.save(update_fields=names)
        configuration_changed(workspace_id=changed.pk)


def slug_from(name: str) -> str:
    """Return a slug of a name: ASCII letters, digits and hyphens, at most 63."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-") or "workspace"


def lock_configuration(*, workspace_id: UUID) -> None:
    """Lock the workspace's row, before any subscriber, list, sequence or enrollment. A request with
    new event names holds it while it waits for its subscriber, so the reverse order would deadlock.
    """
    Workspace.objects.select_for_update(no_key=True).filter(pk=workspace_id).first()


def configuration_changed(*, workspace_id: UUID) -> None:
    """Make every process read settings and rules again; call it in the change's transaction."""
    Workspace.objects.filter(pk=workspace_id).update(config_version=F("config_version") + 1)
