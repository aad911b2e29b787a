"""Passes changes to people, tags and lists on to their enrollments and events.

The only implementation of `subscribers.reactions`.
"""

from collections.abc import Sequence
from uuid import UUID

from events.services.counts import touched_hours
from events.services.engine import mail_gauges
from events.services.enrollments import audience_changes
from events.services.people.erasing import erase, erase_some
from events.services.people.merging import merge


class EnrollmentsReact:
    confirmed = staticmethod(audience_changes.confirmed)
    gave_up = staticmethod(audience_changes.gave_up)
    left = staticmethod(audience_changes.left)
    suppressed = staticmethod(audience_changes.suppressed)
    tags_added = staticmethod(audience_changes.tags_added)
    list_joined = staticmethod(audience_changes.list_joined)
    attributes_changed = staticmethod(audience_changes.attributes_changed)
    erasing = staticmethod(erase)
    erasing_some = staticmethod(erase_some)
    merging = staticmethod(merge)
    mails_waiting = staticmethod(mail_gauges.count_waiting)

    def emails_changed(self, *, email_ids: Sequence[UUID]) -> None:
        """Count them again; no enrollment waits for a mail that was settled."""
        touched_hours.touch_mails(email_ids)
