"""Registers the app, and the reactions of enrollments to changes of the audience."""

from django.apps import AppConfig

from subscribers import reactions


class EventsConfig(AppConfig):
    """Definitions, events, sync rules, sequences and enrollments."""

    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        """Install the reactions, once; only now can models be imported."""
        from events.reactions import EnrollmentsReact  # noqa: PLC0415 - see above

        if not reactions.is_installed():
            reactions.install(EnrollmentsReact())
