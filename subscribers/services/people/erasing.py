"""Erasing somebody: all that names them goes; what stays is a keyed hash and one line.

The hash, in the suppression list, keeps a later import from writing to them. The line says that
they were erased, when and by whom. What others wrote of them in their own data is not looked for.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from subscribers import reactions
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import ledger, suppressions
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.people import traces
from subscribers.wire.address_hashes import address_hash

logger = logging.getLogger("cueline.erasing")


class SubscriberGone(LookupError):
    """The person is gone already."""

    code = "SUBSCRIBER_NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much went, and whether the address gets mail if somebody comes with it again."""

    events: int
    mails: int
    is_suppressed: bool


def erase(
    *,
    subscriber_id: UUID,
    circumstances: Circumstances,
    now: datetime,
    allows_return: bool = False,
) -> Erased:
    """Delete somebody and all that names them; raises `SubscriberGone`.

    Enrollments and events go first, in short transactions, so repeat it when it was interrupted.
    The last one takes the rest under a lock that nothing passes that points at the person: an event
    that is recorded meanwhile goes with them, or makes a new person. `allows_return`: where nothing
    kept mail from the address before, nothing does afterwards. `circumstances` are the operator's.
    """
    events = 0
    while portion := _erase_some(subscriber_id):
        events += portion
    with transaction.atomic():
        person = _locked_whole([subscriber_id])
        if not person:
            raise SubscriberGone("The person is gone already.")
        erased = _erase_rest(person[0], events, circumstances, now, allows_return=allows_return)
    # The id is new to nobody who has the log, and says nothing without the row.
    logger.info("Erased somebody.", extra={"workspace_id": person[0].workspace_id.hex})
    return erased


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
    mails, _ = OutgoingEmail.objects.filter(subscriber=person).delete()
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
        mails=mails,
        is_suppressed=suppressions.is_suppressed(workspace=workspace, email_key=email_key),
    )


def _erase_ledger(workspace: Workspace, person: Subscriber, email_keys: Sequence[str]) -> None:
    """Delete the person's lines, and those of their addresses that nobody else bears now."""
    ConsentRecord.objects.filter(subscriber=person).delete()
    hashes = [address_hash(workspace.address_hash_key, key) for key in email_keys]
    of_nobody = ConsentRecord.objects.filter(workspace=workspace, subscriber=None)
    of_nobody.filter(address_hash__in=hashes).delete()


def _locked_whole(subscriber_ids: Sequence[UUID]) -> list[Subscriber]:
    """Lock rows by id so that nothing that points at them comes in before the transaction ends."""
    rows = Subscriber.objects.filter(pk__in=subscriber_ids).order_by("id")
    return list(rows.select_for_update())
