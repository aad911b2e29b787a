"""Imports historical events from files, many by few statements, with the rows that the API makes.

Historical events run no rule and start nothing, so their effects have no order. What remains is who
did it, its name, and that it is recorded once; `importer` has the order of the work.
"""

from events.services.history.importing.files import FILE_KINDS, FILES
from events.services.history.importing.importer import EventImporter
from events.services.history.importing.people import Attributes

__all__ = ["FILES", "FILE_KINDS", "Attributes", "EventImporter"]
