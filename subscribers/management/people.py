"""Finds workspaces and people as commands name them; raises `CommandError` for unknown ones."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from subscribers.models import Subscriber, Workspace
from subscribers.services.audience import named_people

# The exit code for wrong arguments, as argparse has it.
USAGE = 2


def add_to(parser: CommandParser) -> None:
    """Add the arguments that name one person of a workspace."""
    parser.add_argument("person", metavar="PERSON", help=f"Named by {named_people.FORMS}.")
    parser.add_argument("--workspace", required=True, metavar="SLUG")


def named_by(options: Mapping[str, Any]) -> Subscriber:
    """Return the person of the arguments of `add_to`."""
    workspace = workspace_of(slug=options["workspace"])
    return person_of(workspace=workspace, name=options["person"])


def workspace_of(*, slug: str) -> Workspace:
    found = Workspace.objects.filter(slug=slug).first()
    if found is None:
        message = f"--workspace: there is no workspace with the slug {slug!r}."
        raise CommandError(message, returncode=USAGE)
    return found


def workspace_or_only(*, slug: str | None) -> Workspace:
    """Return the workspace, or the only one where none is named."""
    if slug is not None:
        return workspace_of(slug=slug)
    # Two are enough to know that there are several.
    found = list(Workspace.objects.order_by("id")[:2])
    if not found:
        raise CommandError("There is no workspace: make one with create_workspace.")
    if len(found) > 1:
        raise CommandError("There are several workspaces: name one with --workspace SLUG.")
    return found[0]


def person_of(*, workspace: Workspace, name: str) -> Subscriber:
    try:
        return named_people.find(workspace=workspace, name=name)
    except named_people.NobodyNamed as error:
        raise CommandError(str(error)) from error
