"""Erases a subscriber: only a keyed hash and one consent record stay.

The hash, in the suppression list, stops mail after a later import. The record says when they were
erased and by whom. Mentions of them in other subscribers' own data are not searched.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from subscribers import reactions
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import ledger, suppressions, unsubscribing
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.people import traces
from subscribers.wire.address_hashes import address_hash

logger = logging.getLogger("cueline.erasing")


class SubscriberGone(LookupError):
    """The subscriber is deleted already."""

    code = "SUBSCRIBER_NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much was deleted, and whether the address is suppressed now."""

    events: int
    mails: int
    is_suppressed: bool


def erase(
    *,
    subscriber_id: UUID,
    circumstances: Circumstances,
    now: datetime,
    allows_return: bool = False,
    keeps_out_those_who_left: bool = False,
) -> Erased:
    """Delete a subscriber and all that names them; raises `SubscriberGone`.

    Enrollments and events go first, in short transactions; repeat the call after an interruption.
    The last transaction holds a lock that blocks every new reference to the row: an event recorded
    meanwhile is deleted too, or makes a new subscriber. With `allows_return` the address is not
    suppressed unless it was before. With `keeps_out_those_who_left` as well, it is suppressed if
    the person has left, bounced or complained by the last transaction. `circumstances` are the
    operator's or the key's.
    """
    events = 0
    while portion := _erase_some(subscriber_id):
        events += portion
    with transaction.atomic():
        # Not `locked_one`: no new row may reference this one before the transaction ends.
        person = Subscriber.objects.filter(pk=subscriber_id).select_for_update().first()
        if person is None:
            raise SubscriberGone("The person is gone already.")
        stays_out = keeps_out_those_who_left and _stays_out(person)
        erased = _erase_rest(
            person, events, circumstances, now, allows_return=allows_return and not stays_out
        )
    # No subscriber id: the log must not name them.
    logger.info("Erased a subscriber.", extra={"workspace_id": person.workspace_id.hex})
    return erased


def _stays_out(person: Subscriber) -> bool:
    return unsubscribing.has_left(person) or person.status in suppressions.REASON_BY_STATUS


def _erase_some(subscriber_id: UUID) -> int:
    with transaction.atomic():
        if Subscriber.objects.locked_one(subscriber_id) is None:
            return 0
        return reactions.current().erasing_some(subscriber_id=subscriber_id)


def _erase_rest(
    person: Subscriber,
    events: int,
    circumstances: Circumstances,
    now: datetime,
    *,
    allows_return: bool,
) -> Erased:
    workspace = person.workspace
    names = traces.names_of(person)
    events += reactions.current().erasing(subscriber_ids=[person.pk])
    traces.forget(names=names)
    # Their activity goes with them, and is counted in the sum.
    _, deleted = OutgoingEmail.objects.filter(subscriber=person).delete()
    suppressions.forget_address(workspace=workspace, email_key=person.email_key)
    if not allows_return:
        suppressions.keep_hash(workspace=workspace, email_key=person.email_key, now=now)
    _erase_ledger(workspace, person, names.email_keys)
    email_key = person.email_key
    person.delete()
    ledger.record_of_address(
        workspace=workspace,
        email_key=email_key,
        kind=ConsentRecord.Kind.ERASED,
        circumstances=Circumstances(request_id=circumstances.request_id, actor=circumstances.actor),
        now=now,
    )
    return Erased(
        events=events,
        mails=deleted.get(OutgoingEmail._meta.label, 0),
        is_suppressed=suppressions.is_suppressed(workspace=workspace, email_key=email_key),
    )


def _erase_ledger(workspace: Workspace, person: Subscriber, email_keys: Sequence[str]) -> None:
    """Delete the subscriber's records, and those of their addresses that nobody else has now."""
    ConsentRecord.objects.filter(subscriber=person).delete()
    hashes = [address_hash(workspace.address_hash_key, key) for key in email_keys]
    of_nobody = ConsentRecord.objects.filter(workspace=workspace, subscriber=None)
    of_nobody.filter(address_hash__in=hashes).delete()
