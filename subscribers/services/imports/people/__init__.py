"""Imports of subscribers by command; a row becomes a subscriber as the API would make it.

`importer` runs the others: `planner` decides in memory, `writing` writes, `standing` chooses a new
subscriber's status, `known_people` the changes to a known one.
"""

from subscribers.services.imports.people.importer import SubscriberImporter
from subscribers.services.imports.people.options import Duplicates, ImportOptions, OptInMode

__all__ = ["Duplicates", "ImportOptions", "OptInMode", "SubscriberImporter"]
