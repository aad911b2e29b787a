"""Imports of subscribers by command: rows of files become people, as the API would make them.

`importer` has the order of things, `planner` decides in memory, `writing` writes; what somebody new
comes in as is in `standing`, what changes about somebody known in `known_people`.
"""

from subscribers.services.imports.people.importer import SubscriberImporter
from subscribers.services.imports.people.options import Duplicates, ImportOptions, OptInMode

__all__ = ["Duplicates", "ImportOptions", "OptInMode", "SubscriberImporter"]
