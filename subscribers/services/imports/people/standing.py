"""The status of a new subscriber, and its reason.

A row never weakens what is known of the address: an earlier bounce or complaint holds, even of an
erased subscriber. A suppression by an operator or an erasure sets no status: the row's status
holds, and the check before sending stops mail.
"""

from datetime import datetime

import msgspec

from subscribers.models import Subscriber, Suppression
from subscribers.services.consent import suppressions
from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.services.imports.people.options import ImportOptions, OptInMode

Status = Subscriber.Status
Reason = Suppression.Reason


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A new subscriber's status, and what else is written for it."""

    status: Subscriber.Status
    unsubscribed_at: datetime | None = None
    # The consent records to write.
    has_agreed: bool = False
    has_left: bool = False
    # There is a confirmation, open if it can still be answered.
    is_unanswered: bool = False
    is_asked: bool = False


def reason_of(draft: SubscriberDraft) -> Suppression.Reason | None:
    return suppressions.REASON_BY_STATUS.get(Status(draft.status)) if draft.status else None


def says_left(draft: SubscriberDraft) -> bool:
    """Tell whether the row says that the subscriber unsubscribed."""
    if draft.status in {Status.ACTIVE, Status.PENDING}:
        return False
    return draft.status == Status.UNSUBSCRIBED or draft.unsubscribed_at is not None


def says_gone(draft: SubscriberDraft) -> bool:
    """Tell whether the row says that the subscriber unsubscribed, bounced or complained."""
    return says_left(draft) or reason_of(draft) is not None


def standing_of(
    *,
    draft: SubscriberDraft,
    options: ImportOptions,
    suppressed_for: Suppression.Reason | None,
    now: datetime,
) -> Standing:
    """Return a new subscriber's standing; `suppressed_for` is the address's current suppression."""
    wished = _wished(draft, options, now)
    status = _graver(suppressions_status(suppressed_for), suppressions_status(reason_of(draft)))
    if status is None:
        is_held = suppressed_for is not None
        return msgspec.structs.replace(wished, is_asked=wished.is_asked and not is_held)
    return msgspec.structs.replace(wished, status=status, is_asked=False)


def suppressions_status(reason: Suppression.Reason | None) -> Subscriber.Status | None:
    return suppressions.status_after(reason) if reason else None


def _wished(draft: SubscriberDraft, options: ImportOptions, now: datetime) -> Standing:
    """Return the standing without bounces and complaints."""
    mode = options.opt_in_mode
    is_claimed = draft.consent.at is not None
    if says_left(draft):
        return Standing(
            status=Status.UNSUBSCRIBED,
            unsubscribed_at=draft.unsubscribed_at or now,
            has_agreed=is_claimed,
            has_left=True,
        )
    asks = mode == OptInMode.DOUBLE_OPT_IN
    if draft.status == Status.PENDING:
        return Standing(status=Status.PENDING, is_unanswered=True, is_asked=asks)
    if mode == OptInMode.CONFIRMED or (mode == OptInMode.DEFAULT and is_claimed):
        return Standing(status=Status.ACTIVE, has_agreed=True)
    if options.asks_people:
        return Standing(status=Status.PENDING, is_unanswered=True, is_asked=True)
    return Standing(status=Status.ACTIVE)


def _graver(
    one: Subscriber.Status | None, other: Subscriber.Status | None
) -> Subscriber.Status | None:
    return Status.COMPLAINED if Status.COMPLAINED in {one, other} else one or other
