"""Takes subscribers in, from files and from the API alike.

`taking` runs the others: `planner` decides in memory, `writing` writes, `standing` chooses a new
subscriber's status, `known_people` the changes to a known one. `importer` brings rows of files.
"""

from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.services.imports.people.files import FILES, mails_to_confirm
from subscribers.services.imports.people.importer import SubscriberImporter
from subscribers.services.imports.people.importing_later import (
    RequestedImport,
    importer_of,
    requested_import,
)
from subscribers.services.imports.people.options import Duplicates, ImportOptions, OptInMode
from subscribers.services.imports.people.plan import Taken
from subscribers.services.imports.people.taking import DraftResult, TakenIn, take_in

__all__ = [
    "FILES",
    "DraftResult",
    "Duplicates",
    "ImportOptions",
    "OptInMode",
    "RequestedImport",
    "SubscriberDraft",
    "SubscriberImporter",
    "Taken",
    "TakenIn",
    "importer_of",
    "mails_to_confirm",
    "requested_import",
    "take_in",
]
