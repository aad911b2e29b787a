"""The fields of an event in files, and how CSV cells become their values."""

from dataclasses import replace

from subscribers.rows.columns import FULL_NAME, IDENTITIES, NOBODY_NAMED, Fields
from subscribers.rows.headers import OF_EVENTS, ranked
from subscribers.rows.typed_cells import object_cell
from subscribers.wire import profile

OF_PROFILE = tuple(text.wire_name for text in profile.TEXTS)
TEXTS = ("email", "externalId", "name", "eventId", "occurredAt", *OF_PROFILE)
OBJECTS = ("properties", "customAttributes")
PROPERTIES = "properties."
FIELDS = Fields(
    cells={**dict.fromkeys((*TEXTS, FULL_NAME)), **dict.fromkeys(OBJECTS, object_cell)},
    prefix=PROPERTIES,
    object_name="properties",
    times=frozenset({"occurredAt"}),
    synonyms=ranked(OF_EVENTS),
)
# A preset says itself what its columns are.
BESIDE_PRESETS = replace(FIELDS, times=frozenset(), synonyms={})
# What a file of events must have: the fields, and what to do without them.
NEEDS_A_PERSON = (IDENTITIES, NOBODY_NAMED)
NEEDS_A_NAME = (
    frozenset({"name"}),
    "no column is name, the event's; name one with --map THEIRS=name.",
)
NEEDS_A_TIME = (
    frozenset({"occurredAt"}),
    "no column is the time, so all would be dated now; --map THEIRS=occurredAt, or --occurred-now.",
)
