"""Merges two subscribers: one row takes over what the other has, and the other is deleted.

This resolves an identity conflict. It starts no enrollment and sends nothing. The deleted row's
address belongs to nobody then and is not suppressed; its unsubscribe links still work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F

from subscribers import reactions
from subscribers.models import (
    Confirmation,
    ConsentRecord,
    ListMembership,
    MailActivity,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
)
from subscribers.reactions import Moved
from subscribers.services.audience.subscribers import changed_attributes
from subscribers.services.consent import ledger, suppressions, unsubscribing
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.people.changing_address import redirect_mails
from subscribers.wire import json_gate, profile

Status = Subscriber.Status
SOURCE = "merge"


class CannotMerge(ValueError):
    """Both are one row, belong to two workspaces, or one is deleted."""

    code = "CONFLICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The result for the row that stays."""

    status: str
    history: Moved
    mails: int
    tags: int
    lists: int
    # Together the attributes would be too long, so the deleted row's are lost.
    is_without_attributes: bool


def merge(
    *,
    kept_id: UUID,
    gone_id: UUID,
    attributes_bytes: int,
    circumstances: Circumstances,
    now: datetime,
) -> Merged:
    """Merge `gone_id` into `kept_id`, of one workspace; raises `CannotMerge`.

    One transaction, under both locks, taken by id. The kept row's own address, external id, names
    and attributes win; `created_at` is the earlier. The stricter status wins: an unsubscribe or
    complaint of either holds, while a bounce or a missing confirmation belongs to the kept address.
    """
    with transaction.atomic():
        kept, gone = _lock(kept_id, gone_id)
        before, kept_before = kept.status, kept.attributes
        history = reactions.current().merging(
            kept_id=kept.pk, gone_id=gone.pk, is_held=before == Status.PENDING, now=now
        )
        mails = _move_mails(kept, gone)
        tags = _move_tags(kept, gone)
        lists = _move_lists(kept, gone)
        _move_ledger(kept, gone, circumstances, now)
        changes = _profile(kept, gone, attributes_bytes)
        gone.delete()
        stored = {**changes, **_standing(kept, gone), "updated_at": now}
        for name, value in stored.items():
            setattr(kept, name, value)
        names = changed_attributes(kept_before, kept.attributes) | changed_attributes(
            gone.attributes, kept.attributes
        )
        kept.save(update_fields=stored)
        reactions.current().attributes_changed(subscriber_ids=[kept.pk], names=names, now=now)
        _follow(kept, before, circumstances, now)
    return Merged(
        status=kept.status,
        history=history,
        mails=mails,
        tags=tags,
        lists=lists,
        is_without_attributes=bool(gone.attributes) and "attributes" not in changes,
    )


def _lock(kept_id: UUID, gone_id: UUID) -> tuple[Subscriber, Subscriber]:
    if kept_id == gone_id:
        raise CannotMerge("Both names are one person already.")
    rows = Subscriber.objects.filter(pk__in=[kept_id, gone_id]).order_by("id")
    people = {person.pk: person for person in rows.select_for_update()}
    if len(people) != 2:  # noqa: PLR2004 - both
        raise CannotMerge("One of them is gone already.")
    kept, gone = people[kept_id], people[gone_id]
    if kept.workspace_id != gone.workspace_id:
        raise CannotMerge("They belong to two workspaces.")
    return kept, gone


def _standing(kept: Subscriber, gone: Subscriber) -> Mapping[str, Any]:
    """Return the status and unsubscribe time of both together."""
    times = [each.unsubscribed_at for each in (kept, gone) if each.unsubscribed_at]
    has_left = unsubscribing.has_left(kept) or unsubscribing.has_left(gone)
    status = kept.status
    if Status.COMPLAINED in {kept.status, gone.status}:
        status = Status.COMPLAINED
    elif has_left and status in unsubscribing.LEAVING:
        status = Status.UNSUBSCRIBED
    return {"status": status, "unsubscribed_at": min(times) if has_left and times else None}


def _follow(kept: Subscriber, before: str, circumstances: Circumstances, now: datetime) -> None:
    """Stop or release enrollments by the new status, since those of both depend on it now."""
    match kept.status:
        case Status.COMPLAINED:
            suppressions.follow_person(
                subscriber=kept, source=SOURCE, now=now, circumstances=circumstances
            )
        case Status.BOUNCED:
            reactions.current().suppressed(subscriber_ids=[kept.pk], now=now)
        case Status.UNSUBSCRIBED:
            reactions.current().left(subscriber_ids=[kept.pk], now=now)
        case Status.ACTIVE:
            # The deleted row's enrollments may wait for a confirmation.
            reactions.current().confirmed(subscriber_ids=[kept.pk], now=now)
    if before == Status.PENDING and kept.status != Status.PENDING:
        Confirmation.objects.filter(subscriber=kept, closed_at=None).update(closed_at=now)


def _profile(kept: Subscriber, gone: Subscriber, attributes_bytes: int) -> dict[str, Any]:
    changes: dict[str, Any] = {"created_at": min(kept.created_at, gone.created_at)}
    for name in ("external_id", *profile.NAMES):
        if not getattr(kept, name) and getattr(gone, name):
            changes[name] = getattr(gone, name)
    attributes = {**gone.attributes, **kept.attributes}
    if gone.attributes and len(json_gate.compact(attributes)) <= attributes_bytes:
        changes["attributes"] = attributes
    return changes


def _move_mails(kept: Subscriber, gone: Subscriber) -> int:
    """Move the emails; queued ones go to the kept address, or are skipped."""
    MailActivity.objects.filter(subscriber=gone).update(subscriber=kept)
    mails = OutgoingEmail.objects.filter(subscriber=gone)
    redirect_mails(mails, recipient=kept.email)
    return mails.update(subscriber=kept)


def _move_tags(kept: Subscriber, gone: Subscriber) -> int:
    known = SubscriberTag.objects.filter(subscriber=kept).values_list("tag_id", flat=True)
    new = SubscriberTag.objects.filter(subscriber=gone).exclude(tag__in=list(known))
    Subscriber.objects.filter(pk=kept.pk).update(tags_version=F("tags_version") + 1)
    return new.update(subscriber=kept)


def _move_lists(kept: Subscriber, gone: Subscriber) -> int:
    """Move memberships; a list that one of them left counts as left."""
    theirs = ListMembership.objects.filter(subscriber=gone)
    for left in theirs.filter(unsubscribed_at__isnull=False):
        same = ListMembership.objects.filter(subscriber=kept, list=left.list_id)
        same.filter(unsubscribed_at=None).update(unsubscribed_at=left.unsubscribed_at)
    known = ListMembership.objects.filter(subscriber=kept).values_list("list_id", flat=True)
    return theirs.exclude(list__in=list(known)).update(subscriber=kept)


def _move_ledger(
    kept: Subscriber, gone: Subscriber, circumstances: Circumstances, now: datetime
) -> None:
    """Move consent records and admin log, and record the merge."""
    ConsentRecord.objects.filter(subscriber=gone).update(subscriber=kept)
    of_people = ContentType.objects.get_for_model(Subscriber)
    LogEntry.objects.filter(content_type=of_people, object_id=str(gone.pk)).update(
        object_id=str(kept.pk)
    )
    ledger.record_of_address(
        workspace=kept.workspace,
        email_key=gone.email_key,
        subscriber=kept,
        kind=ConsentRecord.Kind.MERGED,
        circumstances=circumstances,
        now=now,
        reason="Merged into the person whose ledger this is.",
        text_hash=unsubscribing.hash_of_link(gone),
    )
