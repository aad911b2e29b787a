"""What the form of a workspace sends when nothing in it was changed."""

from subscribers.models import Workspace


def form_of(workspace: Workspace) -> dict[str, object]:
    """Return the fields that must be there, as a browser sends them."""
    return {
        "name": workspace.name,
        "timezone": workspace.timezone,
        "language": workspace.language,
        "mail_cap": workspace.mail_cap,
        "mail_cap_hours": workspace.mail_cap_hours,
        "reminder_hours": workspace.reminder_hours,
        "give_up_days": workspace.give_up_days,
    }
