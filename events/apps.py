"""Registers the app, the reactions of enrollments to changes of the audience, and the functions
that SQLite needs for segments.
"""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from subscribers import reactions


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        """Install the reactions, once; only now can models be imported."""
        from events.reactions import EnrollmentsReact  # noqa: PLC0415 - see above
        from events.services.segments.attribute_test import teach_sqlite  # noqa: PLC0415 - as above

        connection_created.connect(teach_sqlite, dispatch_uid="cueline.segments")
        if not reactions.is_installed():
            reactions.install(EnrollmentsReact())
