"""The workspace that a form is about, also while it is still being chosen."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from subscribers.models import Workspace


def workspace_id_of(form: Any) -> UUID | None:  # noqa: ANN401 - a form with `is_new` and a workspace
    """Return the workspace whose names are offered; the only one, if none is chosen."""
    own: UUID | None = form.instance.workspace_id
    if not form.is_new:
        return own
    if chosen := form["workspace"].value():
        with suppress(ValidationError):
            found: UUID = form.fields["workspace"].clean(chosen).pk
            return found
    two = Workspace.objects.order_by("pk").values_list("pk", flat=True)[:2]
    return two[0] if len(two) == 1 else None
