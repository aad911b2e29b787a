"""Checks of subscribers, their tags, lists and consent, of stalled imports, and of the outbox."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, Model, OuterRef, Q

from subscribers.models import (
    Confirmation,
    ConsentRecord,
    ImportRun,
    ListMembership,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
    Suppression,
    Workspace,
)
from subscribers.services.audits.audits import (
    MOST_COUNTED,
    Audit,
    Check,
    Finding,
    Level,
    collect,
    portions,
    suspects,
)
from subscribers.wire.address_hashes import address_hash

AREA = "People"
Status = Subscriber.Status
GONE = (Status.BOUNCED, Status.COMPLAINED)
# An import writes its checkpoint every few seconds.
SILENT_IMPORT = timedelta(minutes=10)
HASHED_AT_ONCE = 1000
# Rows that are deleted with their subscriber.
OF_PEOPLE: tuple[type[Model], ...] = (SubscriberTag, ListMembership, Confirmation, OutgoingEmail)


def unsuppressed_people(audit: Audit) -> Sequence[Finding]:
    return collect(_unsuppressed(audit)).finding(
        what="People bounced or complained, but their address is not suppressed",
        remedy="Admin, Suppressions: add the address, or set the person's status right.",
        prefix="sub",
    )


def foreign_tags(audit: Audit) -> Sequence[Finding]:
    foreign = ~Q(workspace=F("subscriber__workspace")) | ~Q(workspace=F("tag__workspace"))
    return suspects(rows=SubscriberTag.objects.all(), faulty=foreign, audit=audit).finding(
        what="People have tags of another workspace",
        remedy="Remove the tag on the subscriber's page in the admin, and report the bug.",
    )


def foreign_lists(audit: Audit) -> Sequence[Finding]:
    foreign = ~Q(workspace=F("subscriber__workspace")) | ~Q(workspace=F("list__workspace"))
    return suspects(rows=ListMembership.objects.all(), faulty=foreign, audit=audit).finding(
        what="People are on lists of another workspace",
        remedy="Remove the person from the list in the admin, and report the bug.",
    )


def orphans(audit: Audit) -> Sequence[Finding]:
    """Find rows whose subscriber is gone, which the database's foreign keys should prevent."""
    findings: list[Finding] = []
    nobody = ~Exists(Subscriber.objects.filter(pk=OuterRef("subscriber_id")))
    for model in OF_PEOPLE:
        named = model._meta.verbose_name_plural
        findings += suspects(
            rows=model._default_manager.all(), faulty=Q(nobody), audit=audit
        ).finding(
            what=f"Rows without their subscriber: {named}",
            remedy="Was the database edited directly, or restored in part? Delete these rows.",
        )
    return findings


def answered_questions(audit: Audit) -> Sequence[Finding]:
    faulty = Q(subscriber__status__in=[Status.ACTIVE, *GONE])
    return suspects(
        rows=Confirmation.objects.filter(closed_at=None), faulty=faulty, audit=audit
    ).finding(
        what="Confirmations are open, but the person has answered",
        remedy="Harmless: they expire after the workspace's days to give up.",
    )


def unproven_confirmations(audit: Audit) -> Sequence[Finding]:
    """Find confirmations without a consent record: nobody could prove this consent."""
    kinds = (ConsentRecord.Kind.CONFIRMED, ConsentRecord.Kind.RESUBSCRIBED)
    line = ConsentRecord.objects.filter(subscriber=OuterRef("subscriber_id"), kind__in=kinds)
    return suspects(
        rows=Confirmation.objects.all(),
        faulty=Q(~Exists(line), confirmed_at__isnull=False),
        audit=audit,
    ).finding(
        what="People confirmed, but the consent ledger has no record of it",
        remedy="Send a new confirmation from the subscriber's page, or unsubscribe them.",
    )


def silent_imports(audit: Audit) -> Sequence[Finding]:
    """Find running imports of commands without a recent checkpoint: their process was killed. The
    worker goes on with those of a stored file by itself.
    """
    silent = Q(
        status=ImportRun.Status.RUNNING,
        stored_bytes=None,
        updated_at__lt=audit.now - SILENT_IMPORT,
    )
    return suspects(rows=ImportRun.objects.all(), faulty=silent, audit=audit).finding(
        what="Imports are marked as running, but have written nothing for ten minutes",
        remedy="Run the same command with --resume: the import continues at its checkpoint.",
    )


def mail_without_lease(audit: Audit) -> Sequence[Finding]:
    faulty = Q(lease_expires_at=None) & (
        Q(status=OutgoingEmail.Status.SENDING) | Q(lease_token__isnull=False)
    )
    open_ones = (OutgoingEmail.Status.SENDING, OutgoingEmail.Status.QUEUED)
    return [
        finding
        for status in open_ones
        for finding in suspects(
            rows=OutgoingEmail.objects.filter(status=status), faulty=faulty, audit=audit
        ).finding(
            what=f"Mails are {status.label.lower()} under a claim that never expires",
            remedy="Stop the worker, then clear lease_token and set lease_expires_at to now.",
            prefix="eml",
        )
    ]


def mail_past_lease(audit: Audit) -> Sequence[Finding]:
    late = audit.now - timedelta(minutes=5)
    sending = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.SENDING)
    return suspects(rows=sending, faulty=Q(lease_expires_at__lt=late), audit=audit).finding(
        what="Mails are being sent, but their lease expired minutes ago",
        remedy="Start a worker (manage.py worker): it marks them as unknown within a minute.",
        prefix="eml",
    )


def mail_without_due_time(audit: Audit) -> Sequence[Finding]:
    faulty = Q(due_at=None) & ~Q(cause__startswith="step:")
    queued = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.QUEUED)
    return suspects(rows=queued, faulty=faulty, audit=audit).finding(
        what="Mails are queued, but have neither an enrollment nor a due time",
        remedy="Send a new confirmation from the subscriber's page in the admin.",
        prefix="eml",
    )


def unknown_mail(audit: Audit) -> Sequence[Finding]:
    parked = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.UNKNOWN)
    return suspects(rows=parked, faulty=Q(), audit=audit).finding(
        what="The delivery of mails is unknown: the server gave no answer",
        remedy="Admin, Outbox, status Delivery unknown: read the mail server's log, then mark each "
        "as sent or send it again.",
        prefix="eml",
        level=Level.WARNING,
    )


def paused_mail(audit: Audit) -> Sequence[Finding]:
    paused = Workspace.objects.filter(is_mail_paused=True).order_by("slug")
    if audit.workspace:
        paused = paused.filter(pk=audit.workspace.pk)
    slugs = list(paused.values_list("slug", flat=True)[:MOST_COUNTED])
    finding = Finding(
        what="Mail is paused in these workspaces; due mail waits",
        remedy="Admin, Workspaces: switch “Mail paused” off to send mail again.",
        level=Level.WARNING,
        count=len(slugs),
        example=slugs[0] if slugs else "",
    )
    return [finding] if slugs else []


def _unsuppressed(audit: Audit) -> Iterator[UUID]:
    for status in GONE:
        rows = Subscriber.objects.filter(status=status).select_related("workspace")
        for portion in portions(rows=rows, audit=audit, size=HASHED_AT_ONCE):
            people = list(portion.order_by("-pk"))
            hashed = {
                (
                    each.workspace_id,
                    address_hash(each.workspace.address_hash_key, each.email_key),
                ): each
                for each in people
            }
            kept = Suppression.objects.filter(
                workspace__in={workspace_id for workspace_id, _ in hashed},
                address_hash__in=[text for _, text in hashed],
            )
            found: set[Any] = set(kept.values_list("workspace_id", "address_hash"))
            yield from (each.pk for key, each in hashed.items() if key not in found)


CHECKS = (
    Check(AREA, "tags", "Tags belong to the person's workspace.", foreign_tags),
    Check(AREA, "lists", "Lists belong to the person's workspace.", foreign_lists),
    Check(AREA, "orphans", "Every row has its person.", orphans),
    Check(AREA, "suppression", "Bounces and complaints are suppressed.", unsuppressed_people),
    Check(AREA, "questions", "Answered confirmations are closed.", answered_questions),
    Check(AREA, "consent", "The ledger has every confirmation.", unproven_confirmations),
    Check(AREA, "imports", "No import has stalled.", silent_imports),
)
MAIL_CHECKS = (
    Check("Outbox", "leases", "Every claim of a mail expires.", mail_without_lease),
    Check("Outbox", "sending", "No mail is past its lease.", mail_past_lease),
    Check(
        "Outbox", "queued", "Queued mail has an enrollment or a due time.", mail_without_due_time
    ),
    Check("Outbox", "unknown", "No delivery is unknown.", unknown_mail),
    Check("Outbox", "paused", "No workspace has paused its mail.", paused_mail),
)
