"""The home page: alarms, figures, what needs somebody, the sequences, and the first steps.

Each part is shown to users who may see its subject; what nobody sees is not read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from config import charts, first_event, workspace_choice
from config.admin_base import list_url
from config.admin_skin import PENDING_FOR
from config.readable import sentence
from events.models import Event, EventCount, Worker
from events.models import Sequence as SequenceRow
from events.services.engine.gauges import MOST_COUNTED
from events.services.overview import figures, first_steps
from events.services.overview.periods import Period, period
from subscribers.admin import alarms
from subscribers.models import ApiKey, MailFlow, Subscriber, Workspace

Unit = EventCount.Unit
# By the word in the address: the buckets, and the words for the period and the one before.
PERIODS = {
    "hour": (Unit.HOUR_OF_RECEIPT, "Last 24 hours", "the day before"),
    "day": (Unit.DAY_OF_OCCURRENCE, "Last 30 days", "the 30 days before"),
}
HOURLY = "hour"
NO_SERVER = "no mail server is set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A number that links to its list, and sentences about it; `is_bad`: they are a warning."""

    title: str
    address: str
    number: str
    lines: Sequence[str | SafeString] = ()
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    title: str
    words: str
    is_done: bool
    address: str = ""
    line: str = ""


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
    def workspace_id(self) -> Any:  # noqa: ANN401 - an id or None
        return self.workspace.pk if self.workspace else None

    @property
    def period(self) -> Period:
        return period(unit=PERIODS[self.by][0], now=self.now)

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.workspace.timezone) if self.workspace else UTC

    def may_see(self, model: type[Any]) -> bool:
        name = f"{model._meta.app_label}.view_{model._meta.model_name}"
        return bool(self.request.user.has_perm(name))

    def clock(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%H:%M}"


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the page's context what the user may see; the skin calls this."""
    by = request.GET.get("by", "")
    home = Home(request=request, by=by if by in PERIODS else HOURLY, now=timezone.now())
    warnings = alarms.current(now=home.now)
    needs = alarms.needs(workspace=home.workspace, now=home.now)
    return {
        **context,
        "title": workspace_choice.shown(request),
        "zone": home.zone,
        "counted_at": home.clock(home.now),
        "periods": [(word, words[1], word == home.by) for word, words in PERIODS.items()],
        "alarms": [each for each in warnings if request.user.has_perm(each.permission)],
        "needs": [each for each in needs if request.user.has_perm(each.permission)],
        "first_steps": _first_steps(home),
        **_figures(home),
    }


def _figures(home: Home) -> dict[str, Any]:
    cards: list[Card] = []
    drawn: list[SafeString] = []
    if home.may_see(Event):
        events = figures.events(period=home.period, workspace_id=home.workspace_id)
        cards.append(_events_card(home, events))
        drawn.append(_chart(home, "Events", charts.Series(name="events", values=events.values)))
    if home.may_see(Subscriber):
        people = figures.people(period=home.period, workspace_id=home.workspace_id)
        cards += _people_cards(people)
    if home.may_see(Worker) or home.may_see(MailFlow):
        machine = figures.machine(workspace_id=home.workspace_id, now=home.now)
        cards += _machine_cards(home, machine)
    return {"cards": cards, "charts": drawn}


def _events_card(home: Home, events: figures.Flow) -> Card:
    lines = []
    if events.change is not None:
        sign = "▲" if events.change > 0 else "▼" if events.change < 0 else "="
        lines.append(f"{sign} {abs(events.change):,} % on {PERIODS[home.by][2]}")
    return Card(title="Events", address=list_url(Event), number=f"{events.total:,}", lines=lines)


def _people_cards(people: figures.People) -> Iterator[Card]:
    yield Card(
        title="New people",
        address=list_url(Subscriber),
        number=_bounded(people.new),
        lines=list(_unconfirmed(people.new_pending)),
    )
    yield Card(
        title="Waiting for confirmation",
        address=list_url(Subscriber, **{PENDING_FOR: 0}),
        number=_bounded(people.pending),
        lines=["asked to confirm their address, and have not yet"],
    )


def _machine_cards(home: Home, machine: figures.Machine) -> Iterator[Card]:
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
        yield _mail_card(home, machine)


def _mail_card(home: Home, machine: figures.Machine) -> Card:
    paused = [each for each in home.workspaces if each.is_mail_paused]
    is_paused = settings.MAIL_PAUSED or (bool(paused) and len(paused) == len(home.workspaces))
    if machine.is_mail_stopped:
        state = "Stopped"
    elif is_paused:
        state = "Paused"
    else:
        state = "Sending" if first_steps.has_mail_server() else "Kept here"
    lines = [sentence("by {}", machine.server) if first_steps.has_mail_server() else NO_SERVER]
    if paused and not is_paused:
        lines.append(f"paused in {len(paused)} of {len(home.workspaces)} workspaces")
    sent_at = machine.last_sent_at
    if sent_at:
        lines.append(f"last mail {timesince(sent_at, home.now, depth=1)} ago")
    is_bad = machine.is_mail_stopped or is_paused
    return Card(title="Mail", address=list_url(MailFlow), number=state, lines=lines, is_bad=is_bad)


def _punctual(home: Home, machine: figures.Machine) -> str:
    """Say whether enrollments go on in time, in all workspaces."""
    if machine.late_seconds:
        return f"the longest due step waits {_seconds(machine.late_seconds)}"
    if machine.next_due_at is None:
        return "no step is due"
    return f"on time; next step in {_seconds((machine.next_due_at - home.now).total_seconds())}"


def _chart(home: Home, what: str, *series: charts.Series) -> SafeString:
    if home.by == HOURLY:
        labels = [home.clock(start) for start in home.period.starts]
        return charts.draw(title=f"{what} by hour", labels=labels, columns=series)
    labels = [f"{start.day} {start:%b}" for start in home.period.starts]
    return charts.draw(title=f"{what} by day (UTC)", labels=labels, columns=series)


def _first_steps(home: Home) -> list[FirstStep]:
    """Return the first things to do, for those who may do one of them, until they are done."""
    may = home.request.user.has_perm
    if not (may("subscribers.add_apikey") or may("events.add_sequence")):
        return []
    done = first_steps.read(workspace_id=home.workspace_id)
    if done.are_done:
        return []
    return [
        FirstStep(
            title="Create an API key",
            words="Your application calls Cueline with it. It is shown once.",
            is_done=done.has_key,
            address=f"{list_url(ApiKey)}add/" if may("subscribers.add_apikey") else "",
        ),
        FirstStep(
            title="Send a first event",
            words="Put your key in place of YOUR_API_KEY and run this in a terminal.",
            is_done=done.has_event,
            line=first_event.curl_line(base_url=settings.PUBLIC_URL, api_key="YOUR_API_KEY"),
        ),
        FirstStep(
            title="Make a sequence",
            words="It says which event lets people in, and which mails they get.",
            is_done=done.has_sequence,
            address=f"{list_url(SequenceRow)}add/" if may("events.add_sequence") else "",
        ),
        FirstStep(
            title="Connect a mail server",
            words="Set EMAIL_URL. Until then no mail leaves: you read it in Outbox.",
            is_done=done.has_mail_server,
            address=reverse("handbook-page", args=["mail"]),
        ),
    ]


def _unconfirmed(count: int) -> Iterator[str]:
    if count:
        yield f"{_bounded(count)} of them {'has' if count == 1 else 'have'} not confirmed"


def _bounded(count: int) -> str:
    return f"{MOST_COUNTED - 1:,}+" if count == MOST_COUNTED else f"{count:,}"


def _seconds(seconds: float) -> str:
    """Return such as `8 s`, `3 min`, `2 h` or `5 days`."""
    for size, word in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {word}"
    return f"{seconds:.0f} s"
