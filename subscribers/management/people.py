"""Workspaces and people as commands name them; what is not there ends the command."""

from django.core.management.base import CommandError

from subscribers.models import Subscriber, Workspace
from subscribers.services.audience import named_people


def workspace_of(*, slug: str) -> Workspace:
    """Return the workspace; raises `CommandError`."""
    found = Workspace.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no workspace with the slug {slug!r}.")
    return found


def person_of(*, workspace: Workspace, name: str) -> Subscriber:
    """Return the one person; raises `CommandError`."""
    try:
        return named_people.find(workspace=workspace, name=name)
    except named_people.NobodyNamed as error:
        raise CommandError(str(error)) from error
