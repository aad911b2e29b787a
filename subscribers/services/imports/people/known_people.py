"""What a row changes about a known subscriber.

By strategy, and never so that they get more mail than before: nobody is reactivated or confirmed,
and no left list is joined again. `created_at` only moves back. Tags and lists are only added.
"""

from typing import Any

from subscribers.models import Subscriber
from subscribers.services.audience.subscribers import check_size, merge_attributes
from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.services.imports.people.options import Duplicates, ImportOptions
from subscribers.wire import json_gate, profile

# Fields that a row may change.
COLUMNS = (
    "external_id", *profile.COLUMNS,
    "created_at", "status", "unsubscribed_at", "tags_version", "updated_at",
)  # fmt: skip


def changes_to(
    *, stored: Subscriber, draft: SubscriberDraft, options: ImportOptions
) -> dict[str, Any]:
    """Return the changed columns except those of the status. Raises as `check_size` does."""
    if options.skips_known:
        return {}
    changes: dict[str, Any] = {}
    person = draft.person
    for name, text in person.texts.items():
        own = getattr(stored, name)
        if text != own and (not own or options.duplicates == Duplicates.OVERWRITE):
            changes[name] = text
    if person.external_id is not None and stored.external_id is None:
        changes["external_id"] = person.external_id
    merged = _attributes(stored, draft, options)
    if not json_gate.is_same(merged, stored.attributes):
        check_size(merged=merged, attributes_bytes=options.attributes_bytes)
        changes["attributes"] = merged
    if draft.created_at is not None and draft.created_at < stored.created_at:
        changes["created_at"] = draft.created_at
    return changes


def _attributes(
    stored: Subscriber, draft: SubscriberDraft, options: ImportOptions
) -> dict[str, Any]:
    given = draft.person.attributes
    if options.merges_attributes or options.duplicates == Duplicates.OVERWRITE:
        return merge_attributes(stored.attributes, given)
    absent = {key: value for key, value in given.items() if key not in stored.attributes}
    return merge_attributes(stored.attributes, absent)
