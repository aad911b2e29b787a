"""What must be wired before the process does anything; Django runs it before every command."""

from django.core.checks import CheckMessage, Error

from subscribers import reactions


def somebody_reacts(**_: object) -> list[CheckMessage]:
    """Refuse a start at which nobody would hear of confirmations, tags and unsubscribes."""
    if reactions.is_installed():
        return []
    return [
        Error(
            "Nobody reacts to what happens to the audience.",
            hint="Install the app `events`: its `ready` installs the reactions.",
            id="subscribers.E001",
        )
    ]
