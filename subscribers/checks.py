"""The check of the wiring, which Django runs before every command."""

from django.core.checks import CheckMessage, Error

from subscribers import reactions


def somebody_reacts(**_: object) -> list[CheckMessage]:
    """Refuse to start where nothing would follow from confirmations, tags and unsubscribes."""
    if reactions.is_installed():
        return []
    return [
        Error(
            "No reactions to changes of subscribers are installed.",
            hint="Install the app `events`: its `ready` installs the reactions.",
            id="subscribers.E001",
        )
    ]
