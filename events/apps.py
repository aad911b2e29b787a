"""Registers the app, and makes enrollments follow from what happens to the audience."""

from django.apps import AppConfig

from subscribers import reactions


class EventsConfig(AppConfig):
    """Definitions, events, sync rules, sequences and enrollments."""

    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        """Install the reactions, once; models can be imported by now, and not before."""
        from events.reactions import EnrollmentsReact  # noqa: PLC0415 - as said above

        if not reactions.is_installed():
            reactions.install(EnrollmentsReact())
