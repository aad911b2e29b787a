"""Whether mail flows: one place that every attempt to send is reported to.

A process writes a success every few seconds at most, and a change at once. Changes lock the rows of
the server in the order of their ids, in a transaction of their own that locks nothing else, so
exactly one process writes the log's line when sending begins to fail and when it works again.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F, Q, QuerySet

from subscribers import reactions
from subscribers.models import MailFlow
from subscribers.models.outcome_count import NO_SEQUENCE
from subscribers.services.outbox import outbox
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome
from subscribers.services.storage import outcomes
from subscribers.services.storage.outcomes import Subject

logger = logging.getLogger("cueline.mail_flow")

Kind = MailFlow.Kind
BAD_RECIPIENT = "bad_recipient"
# How often a process writes what has not changed.
PAUSE = timedelta(seconds=10)
# So many mails in a row that the server deferred or refused are no chance.
MANY_FAILURES = 10
# A server that takes some connections and refuses others must not fill the log.
BETWEEN_WARNINGS = timedelta(minutes=1)
# Neither is a mail that the server has put off for so long, while no other has left.
LONG_FAILURE = timedelta(hours=1)
# The page that says what to do.
HANDBOOK = "/docs/mail/#when-mail-stops"
_ADDRESS = re.compile(r"[^\s<>]+@[^\s<>]+")
_LONGEST_ERROR = 300


@dataclass(slots=True)
class _Noted:
    """What this process wrote last, and how many failures it has not written yet."""

    server: str
    kind: str
    at: datetime
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Mail does not leave: by which server, since when, why, and the last attempt."""

    server: str
    since: datetime
    kind: Kind
    error: str
    tried_at: datetime

    @property
    def words(self) -> str:
        since = f"{self.since:%Y-%m-%d %H:%M} UTC"
        return f"No mail has left by {self.server} since {since}: {self.reason}"

    @property
    def reason(self) -> str:
        reason = self.kind.label[0].lower() + self.kind.label[1:]
        return f"{reason} ({self.error})" if self.error else reason


_noted_by_workspace: dict[UUID, _Noted] = {}


def note(
    *, workspace_id: UUID, delivery: Delivery, now: datetime, sequence_id: UUID = NO_SEQUENCE
) -> None:
    """Note what became of an attempt, and count it; outside transactions. Never raises for a lost
    database.
    """
    outcomes.count(
        Subject.MAIL,
        outcome=delivery.outcome.value,
        reason=outbox.reason_to_wait(delivery) or BAD_RECIPIENT * delivery.is_bad_recipient,
        sequence_id=sequence_id,
        now=now,
    )
    kind = _kind_of(delivery)
    if kind is None:
        return
    last = _noted_by_workspace.get(workspace_id)
    server = server_name()
    failures = int(kind != Kind.FLOWS)
    if last and (last.kind, last.server) == (kind, server):
        if abs(now - last.at) < PAUSE:
            last.failures += failures
            return
        failures += last.failures
    try:
        if kind != Kind.FLOWS:
            _write_failure(workspace_id, server, kind, _words(delivery), failures, now)
        else:
            _write_success(workspace_id, server, now)
    except (DatabaseError, InterfaceError):
        return  # recording the mail itself waits for the database; the next attempt is noted
    _noted_by_workspace[workspace_id] = _Noted(server, kind, now)


def stops(*, now: datetime, workspace_id: UUID | None = None) -> Sequence[Stop]:
    """Return why mail does not leave by the present server, one entry a kind, the longest first;
    of one workspace, or of all.
    """
    rows = MailFlow.objects.filter(blocked(now=now), server=server_name())
    if workspace_id:
        rows = rows.filter(Q(workspace=workspace_id) | Q(kind__in=MailFlow.OF_SERVER))
    by_kind = {
        row.kind: Stop(
            row.server,
            row.failing_since,
            Kind(row.kind),
            row.error,
            row.last_failed_at or row.failing_since,
        )
        for row in rows.order_by("-failing_since")
        if row.failing_since
    }
    return sorted(by_kind.values(), key=lambda stop: stop.since)


def server_name() -> str:
    """Return where mail goes, without a secret: `host:port`, or the backend's own name."""
    backend = str(settings.EMAIL_BACKEND).rpartition(".")[0].rpartition(".")[2]
    if backend in {"smtp", "smtp_backend"}:
        return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"[:255]
    return "the mail folder" if backend == "filebased" else backend


def blocked(*, now: datetime) -> Q:
    """Return the condition that mail does not leave, rather than that a mail or two did not."""
    return Q(failing_since__isnull=False) & (
        Q(kind__in=MailFlow.OF_SERVER)
        | Q(failures__gte=MANY_FAILURES)
        | Q(kind=Kind.DEFERRED, failing_since__lte=now - LONG_FAILURE)
    )


def _kind_of(delivery: Delivery) -> Kind | None:
    """Return what an attempt says about the server; None when it says nothing."""
    match delivery.outcome:
        case DeliveryOutcome.SENT:
            return Kind.FLOWS
        case DeliveryOutcome.UNKNOWN:
            return Kind.NO_ANSWER
        case DeliveryOutcome.REFUSED:
            # No code: it was not even handed over.
            is_about_mail = delivery.is_bad_recipient or delivery.code is None
            return None if is_about_mail else Kind.REFUSED
        case DeliveryOutcome.DEFERRED:
            if delivery.code in outbox.LOGIN_CODES:
                return Kind.LOGIN_REFUSED
            return Kind.SERVER_AWAY if outbox.is_server_away(delivery) else Kind.DEFERRED
        case _ as never:
            assert_never(never)


def _words(delivery: Delivery) -> str:
    return _ADDRESS.sub("(address)", delivery.error)[:_LONGEST_ERROR]


def _write_success(workspace_id: UUID, server: str, now: datetime) -> None:
    """Note a success. It ends the failures of this workspace, and those of the server for all."""
    rows = MailFlow.objects.filter(server=server)
    own = rows.filter(workspace=workspace_id)
    if not own.update(last_sent_at=now):
        _add(workspace_id, server)
        own.update(last_sent_at=now)
    ending = rows.filter(failing_since__isnull=False).filter(
        Q(workspace=workspace_id) | Q(kind__in=MailFlow.OF_SERVER)
    )
    if not ending.exists():
        return
    with transaction.atomic():
        locked = _locked(ending)
        ended = rows.filter(pk__in=[row.pk for row in locked])
        ended.update(failing_since=None, kind=Kind.FLOWS, error="", failures=0, warned_of="")
    if any(row.warned_of for row in locked):
        since = min(row.failing_since for row in locked if row.failing_since)
        logger.info(
            "Mail leaves again by %s, after %s s. Mails that wait: %s.",
            server,
            round((now - since).total_seconds()),
            f"{reactions.current().mails_waiting():,}",
        )


def _write_failure(
    workspace_id: UUID, server: str, kind: str, error: str, failures: int, now: datetime
) -> None:
    rows = MailFlow.objects.filter(server=server)
    own = rows.filter(workspace=workspace_id)
    if not own.exists():
        _add(workspace_id, server)
    with transaction.atomic():
        every = _locked(rows)
        own.filter(failing_since=None).update(failing_since=now)
        own.update(kind=kind, error=error, last_failed_at=now, failures=F("failures") + failures)
        is_said = any(row.warned_of == kind or _was_said_lately(row, now) for row in every)
        stopped = own.filter(blocked(now=now))
        must_warn = not is_said and bool(stopped.update(warned_of=kind, warned_at=now))
    if must_warn:
        logger.warning(
            "%s. What to do: %s", Stop(server, now, Kind(kind), error, now).words, HANDBOOK
        )


def _add(workspace_id: UUID, server: str) -> None:
    row = MailFlow(workspace_id=workspace_id, server=server)
    MailFlow.objects.bulk_create([row], ignore_conflicts=True)


def _was_said_lately(row: MailFlow, now: datetime) -> bool:
    return row.warned_at is not None and abs(now - row.warned_at) < BETWEEN_WARNINGS


def _locked(rows: QuerySet[MailFlow]) -> list[MailFlow]:
    return list(rows.order_by("id").select_for_update(no_key=True))
