"""Finds a subscriber that an operator names by address, `ext:` and external id, or public id."""

from subscribers import ids
from subscribers.models import Subscriber, Workspace
from subscribers.wire import addresses

EXTERNAL = "ext:"
FORMS = "an address, ext: and the external id, or an id like sub_…"


class NobodyNamed(LookupError):
    """The workspace has no subscriber of this name, or the name has none of the forms."""

    code = "SUBSCRIBER_NOT_FOUND"


def find(*, workspace: Workspace, name: str) -> Subscriber:
    """Return the subscriber, unlocked; raises `NobodyNamed` with a sentence for the operator."""
    text = name.strip()
    people = Subscriber.objects.select_related("workspace").filter(workspace=workspace)
    row_id = ids.decode("sub", text)
    if row_id is not None:
        found = people.filter(pk=row_id)
    elif text.startswith(EXTERNAL):
        found = people.filter(external_id=text.removeprefix(EXTERNAL).strip())
    else:
        try:
            found = people.filter(email_key=addresses.parse(text).key)
        except addresses.InvalidAddress as error:
            message = f"{name!r} {error} People are named by {FORMS}."
            raise NobodyNamed(message) from error
    person = found.first()
    if person is None:
        raise NobodyNamed(f"There is nobody named {text} in the workspace {workspace.slug}.")
    return person
