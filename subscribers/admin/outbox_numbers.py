"""The outbox in numbers: what waits now, and what left and did not on some days, with reasons.

Days are those of UTC. Each number leads to its mails; those from the roll-ups say when they were
counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString

from config import charts, workspace_choice
from config.admin_base import list_url
from config.admin_filters import FROM, UNTIL
from config.admin_links import page_url
from config.readable import time_tag
from events.models import Enrollment
from events.models import Sequence as SequenceRow
from events.services.counts import numbers, outbox_lines
from events.services.counts.numbers import Measure, Numbers, Unit
from events.services.engine import mail_gauges
from events.services.engine.gauges import MOST_COUNTED
from events.wording import mail_stops
from events.wording.reasons import reason_in_words
from subscribers.admin import outbox_filters
from subscribers.models import OutgoingEmail
from subscribers.models.outcome_count import NO_SEQUENCE
from subscribers.services.outbox import flow

Status = OutgoingEmail.Status
PAGE = "admin:subscribers_outgoingemail_numbers"
DAY = timedelta(days=1)
# By the word in the address: the words on screen, and how many days ago the first and the last are.
PERIODS = {
    "today": ("Today", 0, 0),
    "yesterday": ("Yesterday", 1, 1),
    "7": ("7 days", 6, 0),
    "30": ("30 days", 29, 0),
}
DEFAULT = "7"
MOST_LINES = 200
CHART = (
    (Measure.MAILED, "sent", charts.Tone.MAIN),
    (Measure.SKIPPED, "skipped", charts.Tone.QUIET),
    (Measure.FAILED, "failed", charts.Tone.BAD),
)
# Of sent mails: the column, what a machine did left out, and the filter of the list.
BECAME = {
    Measure.DELIVERED: "delivered",
    Measure.OPENED: "opened",
    Measure.CLICKED: "clicked",
    Measure.BOUNCED: "bounced",
    Measure.COMPLAINED: "complained",
}
BY_MACHINE = "machine"
DELETED = "a deleted sequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    number: str
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """Mails that did not leave, for one reason and of one sequence."""

    status: str
    label: str
    reason: str
    sequence: str
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    sequence: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Period:
    word: str
    first: date
    last: date

    @property
    def since(self) -> datetime:
        return datetime.combine(self.first, time(), tzinfo=UTC)

    @property
    def until(self) -> datetime:
        return datetime.combine(self.last + DAY, time(), tzinfo=UTC)

    @property
    def span(self) -> Mapping[str, str]:
        """Return the filters of the list by which it has the mails of these days."""
        return {FROM: self.since.isoformat(), UNTIL: self.until.isoformat()}


def context(request: HttpRequest, *, now: datetime) -> dict[str, Any]:
    """Return what the page shows; as many statements however much there is."""
    period = _period(request.GET.get("days", ""), now)
    workspace = workspace_choice.of(request).chosen
    workspace_id = workspace.pk if workspace else None
    lines = outbox_lines.read(workspace_id=workspace_id, since=period.since, until=period.until)
    counted = numbers.mails_by_sequence(
        since=period.first, until=period.last, workspace_id=workspace_id
    )
    ids = {line.sequence_id for line in lines.lines if line.sequence_id} | counted.keys()
    sequences = SequenceRow.objects.in_bulk(ids)
    unsent = [*_read(lines, sequences, period), *_skipped(counted, sequences, period)]
    counted_at = numbers.counted_at()
    gauges = mail_gauges.read(now=now)
    return {
        "stops": [mail_stops.in_words(each) for each in gauges.stops],
        "handbook": flow.HANDBOOK,
        "waiting": list(_waiting(workspace_id)),
        "paused": _paused(request),
        "periods": [
            (words, f"?days={word}", word == period.word) for word, (words, _, _) in PERIODS.items()
        ],
        "first": f"{period.first:%Y-%m-%d}",
        "last": f"{period.last:%Y-%m-%d}",
        "chart": _chart(request, period, now),
        "unsent": unsent[:MOST_LINES],
        "left_out": max(len(unsent) - MOST_LINES, 0),
        "cut": sorted(Status(word).label.lower() for word in lines.cut),
        "most_read": outbox_lines.MOST_READ,
        "columns": ["Sent", *(measure.label for measure in BECAME)],
        "sent": list(_sent(counted, sequences, period)),
        "counted_at": time_tag(counted_at) if counted_at else "",
        "list_address": list_url(OutgoingEmail),
    }


def _paused(request: HttpRequest) -> Sequence[str]:
    """Return where mail is paused: the names of workspaces, or a word for all."""
    if settings.MAIL_PAUSED:
        return ["all workspaces (MAIL_PAUSED)"]
    choice = workspace_choice.of(request)
    shown = [choice.chosen] if choice.chosen else choice.offered
    return [each.name for each in shown if each.is_mail_paused]


def _period(word: str, now: datetime) -> Period:
    known = word if word in PERIODS else DEFAULT
    _, first, last = PERIODS[known]
    today = now.astimezone(UTC).date()
    return Period(known, today - first * DAY, today - last * DAY)


def _waiting(workspace_id: UUID | None) -> Iterator[tuple[str, Cell, Cell]]:
    """Yield each reason to wait, the queued mails and the enrollments that stand at a mail."""
    mails = mail_gauges.queued_mails(workspace_id=workspace_id)
    enrollments = mail_gauges.waiting_enrollments(workspace_id=workspace_id)
    for reason in (*mail_gauges.REASONS, mail_gauges.DUE):
        if not mails[reason] and not enrollments[reason]:
            continue
        is_due = reason == mail_gauges.DUE
        words = "they only wait for a worker" if is_due else reason_in_words(reason)
        listed = {outbox_filters.ForReason.parameter_name: reason}
        yield (
            words,
            _bounded(mails[reason], list_url(OutgoingEmail, status__exact="queued", **listed)),
            _bounded(enrollments[reason], list_url(Enrollment, held=reason)),
        )


def _read(
    lines: outbox_lines.OutboxLines, sequences: Mapping[UUID, SequenceRow], period: Period
) -> Iterator[Unsent]:
    for line in lines.lines:
        filters = {"status__exact": line.status, **period.span}
        if line.error:
            filters[outbox_filters.ErrorBegins.parameter_name] = line.error
        if line.sequence_id:
            filters[outbox_filters.OfSequence.parameter_name] = _in_address(line.sequence_id)
        is_listed = line.sequence_id is not None and bool(line.error)
        yield Unsent(
            status=line.status,
            label=Status(line.status).label,
            reason=line.error or "no error is known",
            sequence=_name(line.sequence_id, sequences),
            cell=Cell(
                number=f"{line.count:,}",
                address=list_url(OutgoingEmail, **filters) if is_listed else "",
            ),
        )


def _skipped(
    counted: Mapping[UUID, Numbers], sequences: Mapping[UUID, SequenceRow], period: Period
) -> Iterator[Unsent]:
    """Yield what the roll-ups have as skipped, mostly before a mail was made: then no list has it,
    and the page of the sequence says at which step.
    """
    found = [
        (count, reason, sequence_id)
        for sequence_id, each in counted.items()
        for reason, count in each.by_reason(Measure.SKIPPED).items()
    ]
    for count, reason, sequence_id in sorted(found, key=lambda each: (-each[0], *each[1:])):
        sequence = sequences.get(sequence_id)
        if sequence:
            address = f"{page_url(sequence)}?days={period.word}"
        elif sequence_id == NO_SEQUENCE:
            address = list_url(
                OutgoingEmail,
                status__exact="skipped", because=reason, sequence=outbox_filters.NONE,
                **period.span,
            )  # fmt: skip
        else:
            address = ""
        yield Unsent(
            status="skipped",
            label="Skipped",
            reason=reason_in_words(reason) or "no reason is known",
            sequence=_name(sequence_id, sequences),
            cell=Cell(number=f"{count:,}", address=address),
        )


def _sent(
    counted: Mapping[UUID, Numbers], sequences: Mapping[UUID, SequenceRow], period: Period
) -> Iterator[Sent]:
    def mailed(sequence_id: UUID) -> int:
        return counted[sequence_id].counts[Measure.MAILED, ""]

    shown = [each for each in counted if any(counted[each].of(m, Measure.MAILED) for m in BECAME)]
    for sequence_id in sorted(shown, key=lambda each: (-mailed(each), each))[:MOST_LINES]:
        each = counted[sequence_id]
        filters = {**period.span, "sequence": _in_address(sequence_id)}
        is_listed = sequence_id == NO_SEQUENCE or sequence_id in sequences
        address = list_url(OutgoingEmail, status__exact="sent", **filters) if is_listed else ""
        cells = [Cell(number=f"{mailed(sequence_id):,}", address=address)]
        for measure, word in BECAME.items():
            count = sum(n for reason, n in each.by_reason(measure).items() if reason != BY_MACHINE)
            address = list_url(OutgoingEmail, activity=word, **filters)
            cells.append(Cell(number=f"{count:,}", address=address if count and is_listed else ""))
        yield Sent(sequence=_name(sequence_id, sequences), cells=cells)


def _chart(request: HttpRequest, period: Period, now: datetime) -> SafeString:
    is_one_day = period.first == period.last
    unit, step = (Unit.HOUR, timedelta(hours=1)) if is_one_day else (Unit.DAY, DAY)
    found = numbers.mails(
        since=period.since,
        until=period.until,
        unit=unit,
        workspace=workspace_choice.of(request).chosen,
    )
    starts = [period.since + step * n for n in range((period.until - period.since) // step)]
    starts = [start for start in starts if start <= now]
    form = "%H:%M" if is_one_day else "%d %b"
    return charts.draw(
        title=f"Mails by {'hour' if is_one_day else 'day'} (UTC)",
        labels=[f"{start:{form}}" for start in starts],
        columns=[
            charts.Series(
                name=name,
                values=[found.get(start, Numbers()).of(measure) for start in starts],
                tone=tone,
            )
            for measure, name, tone in CHART
        ],
    )


def _in_address(sequence_id: UUID) -> str:
    return outbox_filters.NONE if sequence_id == NO_SEQUENCE else sequence_id.hex


def _name(sequence_id: UUID | None, sequences: Mapping[UUID, SequenceRow]) -> str:
    if sequence_id == NO_SEQUENCE:
        return "no sequence"
    sequence = sequences.get(sequence_id) if sequence_id else None
    return sequence.name if sequence else DELETED


def _bounded(count: int, address: str) -> Cell:
    most = MOST_COUNTED - 1
    number = f"more than {most:,}" if count > most else f"{count:,}"
    return Cell(number=number, address=address if count else "")
