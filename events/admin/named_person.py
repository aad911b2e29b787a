"""The person that an operator names on a page: by address, external id or public id."""

from contextlib import suppress

from subscribers.models import Subscriber, Workspace
from subscribers.services.audience import named_people
from subscribers.services.audience.named_people import EXTERNAL, NobodyNamed


def find(*, workspace: Workspace, name: str) -> Subscriber:
    """Return the subscriber; raises `NobodyNamed`. An external id needs no `ext:` here."""
    try:
        return named_people.find(workspace=workspace, name=name)
    except NobodyNamed:
        with suppress(NobodyNamed):
            return named_people.find(workspace=workspace, name=f"{EXTERNAL}{name}")
        raise
