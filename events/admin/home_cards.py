"""The cards of the home page: a number, what it means, and the list behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from config import workspace_choice
from config.admin_base import list_url
from config.admin_filters import FROM
from config.readable import sentence
from events.models import Event, Worker
from events.services.counts.current import Current
from events.services.engine.gauges import MOST_COUNTED
from events.services.overview import figures, first_steps, sequences
from events.services.overview.buckets import Buckets, Unit, buckets
from events.services.overview.sequences import Measure
from subscribers.admin.outbox_numbers import PAGE as OUTBOX_NUMBERS
from subscribers.models import MailFlow, OutgoingEmail, Subscriber, Workspace

# By the word in the address: the buckets, and the words for the period and the one before.
PERIODS = {
    "hour": (Unit.HOUR_OF_RECEIPT, "Last 24 hours", "the day before"),
    "day": (Unit.DAY_OF_OCCURRENCE, "Last 30 days", "the 30 days before"),
}
HOURLY = "hour"
NO_SERVER = "no mail server is set; read the mails in Outbox"
# A time of day alone would mislead.
TODAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A number that links to its list, and sentences about it; `is_bad`: they are a warning."""

    title: str
    address: str
    number: str
    lines: Sequence[str | SafeString] = ()
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """Who looks at which workspace and period, and when."""

    request: HttpRequest
    by: str
    now: datetime

    @property
    def workspace(self) -> Workspace | None:
        return workspace_choice.of(self.request).chosen

    @property
    def workspaces(self) -> Sequence[Workspace]:
        """Return those that the page is about; of very many only some."""
        return [self.workspace] if self.workspace else workspace_choice.of(self.request).offered

    @property
    def workspace_id(self) -> UUID | None:
        return self.workspace.pk if self.workspace else None

    @property
    def buckets(self) -> Buckets:
        return buckets(unit=PERIODS[self.by][0], now=self.now)

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.workspace.timezone) if self.workspace else UTC

    def may_see(self, model: type[Any]) -> bool:
        name = f"{model._meta.app_label}.view_{model._meta.model_name}"
        return bool(self.request.user.has_perm(name))

    def clock(self, at: datetime) -> str:
        """Return the time of day, or the day of a time that is long ago."""
        return f"{at.astimezone(self.zone):%H:%M}" if self.now - at < TODAY else f"{at:%Y-%m-%d}"


def of_events(home: Home, events: figures.EventFigures) -> Card:
    lines = []
    if events.change is not None:
        sign = "▲" if events.change > 0 else "▼" if events.change < 0 else "="
        lines.append(f"{sign} {abs(events.change):,}% on {PERIODS[home.by][2]}")
    # Days are those of occurrence, and the list filters by receipt.
    since = {FROM: home.buckets.since.isoformat()} if home.by == HOURLY else {}
    return Card(
        title="Events",
        address=list_url(Event, **since),
        number=f"{events.total:,}",
        lines=lines,
    )


def of_new_people(home: Home, people: figures.NewPeople) -> Card:
    has = "has" if people.pending == 1 else "have"
    return Card(
        title="New people",
        address=list_url(Subscriber, **{FROM: home.buckets.since.isoformat()}),
        number=_bounded(people.all),
        lines=[f"{_bounded(people.pending)} of them {has} not confirmed"] if people.pending else [],
    )


def of_current(home: Home, current: Current, *, title: str, address: str) -> Card:
    """Return the card of a number that the worker counted some time ago."""
    at = current.counted_at
    return Card(
        title=title,
        address=address,
        number=f"{current.count:,}" if at else "-",
        lines=[f"counted at {home.clock(at)}" if at else "not counted yet"],
    )


def of_mails(home: Home, mails: sequences.Mails) -> Card:
    skipped, failed = sum(mails[Measure.SKIPPED]), sum(mails[Measure.FAILED])
    return Card(
        title="Mails sent",
        address=list_url(
            OutgoingEmail, status__exact="sent", **{FROM: home.buckets.since.isoformat()}
        ),
        number=f"{sum(mails[Measure.MAILED]):,}",
        # The list has no index on the time of sending.
        lines=[
            format_html(
                '<a href="{}">{} skipped · {} failed</a>',
                reverse(OUTBOX_NUMBERS),
                f"{skipped:,}",
                f"{failed:,}",
            ),
            "counted when sent; the list has them by when they were made",
        ],
    )


def of_machine(home: Home) -> Iterator[Card]:
    """Yield what the user may see of the workers, and of the mail server."""
    machine = figures.machine(workspace_id=home.workspace_id, now=home.now)
    if home.may_see(Worker):
        live = machine.workers.live
        yield Card(
            title="Workers",
            address=list_url(Worker),
            number=f"{live} alive",
            lines=[machine.workers.problem or _punctual(home, machine)],
            is_bad=not live,
        )
    if home.may_see(MailFlow):
        yield _of_mail_server(home, machine)


def _of_mail_server(home: Home, machine: figures.Machine) -> Card:
    paused = [each for each in home.workspaces if each.is_mail_paused]
    is_paused = settings.MAIL_PAUSED or (bool(paused) and len(paused) == len(home.workspaces))
    has_server = first_steps.has_mail_server() or machine.is_mail_stopped
    if machine.is_mail_stopped:
        state = "Stopped"
    elif is_paused:
        state = "Paused"
    else:
        state = "Sending" if has_server else "Kept here"
    lines = [sentence("by {}", machine.server) if has_server else NO_SERVER]
    if paused and not is_paused:
        lines.append(f"paused in {len(paused)} of {len(home.workspaces)} workspaces")
    if machine.last_sent_at:
        lines.append(f"last mail {timesince(machine.last_sent_at, home.now, depth=1)} ago")
    return Card(
        title="Mail server",
        address=list_url(MailFlow),
        number=state,
        lines=lines,
        is_bad=machine.is_mail_stopped or is_paused,
    )


def _punctual(home: Home, machine: figures.Machine) -> str:
    """Say whether enrollments go on in time, in all workspaces."""
    if machine.late_seconds:
        return f"the longest due step waits {_seconds(machine.late_seconds)}"
    if machine.next_due_at is None:
        return "no step is due"
    return f"on time; next step in {_seconds((machine.next_due_at - home.now).total_seconds())}"


def _bounded(count: int) -> str:
    return f"{MOST_COUNTED - 1:,}+" if count == MOST_COUNTED else f"{count:,}"


def _seconds(seconds: float) -> str:
    """Return such as `8 s`, `3 min`, `2 h` or `5 days`."""
    for size, word in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {word}"
    return f"{seconds:.0f} s"
