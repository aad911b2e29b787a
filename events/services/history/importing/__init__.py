"""History from files: many events at once, by few statements, with the rows that the API makes.

Here events have no order of effects to keep: history runs no rule and starts nothing. What remains
is who did it, what it is called, and that it is recorded once; `importer` says in which order.
"""

from events.services.history.importing.importer import EventImporter

__all__ = ["EventImporter"]
