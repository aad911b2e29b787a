"""Why mails did not leave, by status, reason and sequence; read from a bounded number of rows.

A refused mail has no word for its reason: what its errors have in common at their beginning stands
for it. Each line is a condition that the outbox can be filtered by, with as many rows.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Replace, Substr

from events.models import Enrollment, Step
from subscribers.ids import first_id_at
from subscribers.models import OutgoingEmail
from subscribers.models.outcome_count import NO_SEQUENCE

Status = OutgoingEmail.Status
# Of each status; a longer list is read in part.
MOST_READ = 10_000
READ = (Status.FAILED, Status.UNKNOWN)
# Where the step's id stands in `step:ENROLLMENT:STEP:VISIT`, counted from 1 as SQL does.
STEP_BEGINS = len(Enrollment.MAIL_CAUSE_PREFIX) + 32 + 1 + 1
LONGEST_BEGINNING = 80
NO_ID = "-"
_HEX = re.compile("[0-9a-f]{32}")
# Up to what differs from mail to mail: addresses and numbers, except the status in front.
_BEGINNING = re.compile(r"(?:\d{3}[ -])?(?:\d\.\d{1,3}\.\d{1,3}\b)?[^<>@(\d]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLine:
    """So many mails of a status, whose errors begin alike; of a sequence, or `NO_SEQUENCE`.

    `sequence_id` is None where the sequence was deleted.
    """

    status: str
    error: str
    sequence_id: UUID | None
    count: int


@dataclass(frozen=True, slots=True)
class OutboxLines:
    lines: Sequence[OutboxLine]
    # Statuses of which only the newest `MOST_READ` were read.
    cut: frozenset[str] = field(default_factory=frozenset)


def read(*, workspace_id: UUID | None, since: datetime, until: datetime) -> OutboxLines:
    """Return what failed or is unknown of the mails made in a span, the most first; three
    statements.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    cut = set()
    for status in READ:
        made = OutgoingEmail.objects.filter(
            status=status, pk__gte=first_id_at(since), pk__lt=first_id_at(until)
        )
        if workspace_id:
            made = made.filter(workspace=workspace_id)
        rows = list(made.order_by("-pk").values_list("cause", "last_error")[: MOST_READ + 1])
        if len(rows) > MOST_READ:
            cut.add(status.value)
        errors = _beginnings(error for _, error in rows)
        for cause, error in rows[:MOST_READ]:
            counts[status.value, errors[error], _step_in(cause)] += 1
    lines = _by_sequence(counts)
    lines.sort(key=lambda line: (-line.count, line.status, line.error))
    return OutboxLines(lines, frozenset(cut))


def of_sequence(*, rows: QuerySet[OutgoingEmail], sequence_id: UUID) -> QuerySet[OutgoingEmail]:
    """Return those of the mails that steps of a sequence sent, in whatever version; no index."""
    # PostgreSQL writes ids with hyphens, SQLite without.
    step_hex = Replace(Cast("pk", CharField()), Value("-"), Value(""))
    steps = Step.objects.filter(version__sequence=sequence_id).annotate(hex=step_hex)
    of_steps = rows.filter(cause__startswith=Enrollment.MAIL_CAUSE_PREFIX)
    found: QuerySet[OutgoingEmail] = of_steps.alias(
        step_in_cause=Substr("cause", STEP_BEGINS, 32)
    ).filter(step_in_cause__in=steps.values("hex"))
    return found


def _step_in(cause: str) -> str:
    """Return the step's id in hex, "" of another mail, and another word for what is no id."""
    if not cause.startswith(Enrollment.MAIL_CAUSE_PREFIX):
        return ""
    step = cause[STEP_BEGINS - 1 : STEP_BEGINS + 31]
    return step if _HEX.fullmatch(step) else NO_ID


def _by_sequence(counts: Counter[tuple[str, str, str]]) -> list[OutboxLine]:
    ids = {UUID(step) for _, _, step in counts if step not in {"", NO_ID}}
    steps = Step.objects.filter(pk__in=ids).values_list("pk", "version__sequence_id")
    sequence_by_step: dict[str, UUID] = {pk.hex: sequence_id for pk, sequence_id in steps}
    sequence_by_step[""] = NO_SEQUENCE
    found: Counter[tuple[str, str, UUID | None]] = Counter()
    for (status, error, step), number in counts.items():
        found[status, error, sequence_by_step.get(step)] += number
    return [
        OutboxLine(status=status, error=error, sequence_id=sequence_id, count=number)
        for (status, error, sequence_id), number in found.items()
    ]


def _beginnings(errors: Iterable[str]) -> dict[str, str]:
    """Return the beginning that stands for each error; none begins with another one."""
    kept = ""
    found = {}
    for beginning, error in sorted((_beginning(each), each) for each in set(errors)):
        if not kept or not beginning.startswith(kept):
            kept = beginning
        found[error] = kept
    return found


def _beginning(error: str) -> str:
    line = error.partition("\n")[0]
    match = _BEGINNING.match(line)
    end = match.end() if match else 0
    if line[end : end + 1] == "@":
        end = line.rfind(" ", 0, end) + 1
    return (line[:end].strip() or line)[:LONGEST_BEGINNING].rstrip()
