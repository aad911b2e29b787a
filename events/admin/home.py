"""The home page: alarms, figures, what needs somebody, the sequences, and the first steps.

Each part is shown to users who may see its subject.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from config import charts, first_event, workspace_choice
from config.admin_base import list_url
from config.admin_links import page_url
from config.admin_skin import PENDING_FOR
from events.admin import home_cards
from events.admin.home_cards import HOURLY, PERIODS, Card, Home
from events.models import Enrollment, Event, FailedStage, Worker
from events.models import Sequence as SequenceRow
from events.services.counts import numbers
from events.services.overview import figures, first_steps, sequences
from events.services.overview.sequences import Measure
from events.wording import sequences as sequence_words
from subscribers.admin import alarms
from subscribers.models import ApiKey, ImportRun, MailFlow, OutgoingEmail, Subscriber

MAIL_SERIES = (
    (Measure.MAILED, "sent", charts.Tone.MAIN),
    (Measure.SKIPPED, "skipped", charts.Tone.QUIET),
    (Measure.FAILED, "failed", charts.Tone.BAD),
)
COLUMNS = (Measure.ENTERED, Measure.MAILED, Measure.SKIPPED, Measure.FAILED)
# What "Needs you" is about.
OF_NEEDS = (SequenceRow, OutgoingEmail, FailedStage, ImportRun)
# Shown where a workspace counts opens or clicks.
OF_ACTIVITY = (Measure.OPENED, Measure.CLICKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    title: str
    words: str
    is_done: bool
    address: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A sequence in the table; its numbers are texts, in the order of the columns."""

    sequence: SequenceRow
    address: str
    enrollments: str
    trigger: str
    status: str
    under_way: str
    numbers: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Row]
    address: str
    has_more: bool


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the page's context what the user may see; the skin calls this."""
    by = request.GET.get("by", "")
    home = Home(request=request, by=by if by in PERIODS else HOURLY, now=timezone.now())
    may = request.user.has_perm
    warnings = alarms.current(now=home.now)
    needs = alarms.needs(workspace=home.workspace, now=home.now)
    counted_at = numbers.counted_at()
    return {
        **context,
        "title": workspace_choice.shown(request),
        "zone": home.zone,
        "counted_at": home.clock(counted_at) if counted_at else "",
        "periods": [(word, words[1], word == home.by) for word, words in PERIODS.items()],
        "alarms": [each for each in warnings if may(each.permission)],
        "needs": [each for each in needs if may(each.permission)],
        "may_be_needed": any(home.may_see(model) for model in OF_NEEDS),
        "first_steps": _first_steps(home),
        "sequences": _sequences(home) if home.may_see(SequenceRow) else None,
        **_figures(home),
    }


def _figures(home: Home) -> Mapping[str, Any]:
    cards: list[Card] = []
    drawn: list[SafeString] = []
    buckets, workspace_id = home.buckets, home.workspace_id
    if home.may_see(Event):
        events = figures.events(buckets=buckets, workspace_id=workspace_id)
        cards.append(home_cards.of_events(home, events))
        drawn.append(_chart(home, "Events", charts.Series(name="events", values=events.values)))
    if home.may_see(Subscriber):
        people = figures.new_people(buckets=buckets, workspace_id=workspace_id)
        cards.append(home_cards.of_new_people(home, people))
    if home.may_see(OutgoingEmail):
        mails = sequences.mails(buckets=buckets, workspace=home.workspace)
        cards.append(home_cards.of_mails(home, mails))
        drawn.append(_chart(home, "Mails", *_mail_series(mails)))
    if home.may_see(Enrollment):
        under_way = figures.under_way(workspace_id=workspace_id)
        address = list_url(Enrollment, under_way="yes")
        title = "Enrollments under way"
        cards.append(home_cards.of_current(home, under_way, title=title, address=address))
    if home.may_see(Subscriber):
        pending = figures.pending(workspace_id=workspace_id)
        address = list_url(Subscriber, **{PENDING_FOR: 0})
        title = "Waiting for confirmation"
        cards.append(home_cards.of_current(home, pending, title=title, address=address))
    if home.may_see(Worker) or home.may_see(MailFlow):
        cards += home_cards.of_machine(home)
    return {"cards": cards, "charts": drawn}


def _mail_series(mails: sequences.Mails) -> Iterator[charts.Series]:
    for measure, name, tone in MAIL_SERIES:
        yield charts.Series(name=name, values=mails[measure], tone=tone)


def _chart(home: Home, what: str, *series: charts.Series) -> SafeString:
    if home.by == HOURLY:
        labels = [f"{start.astimezone(home.zone):%H:%M}" for start in home.buckets.starts]
        return charts.draw(title=f"{what} by hour", labels=labels, columns=series)
    labels = [f"{start.day} {start:%b}" for start in home.buckets.starts]
    return charts.draw(title=f"{what} by day (UTC)", labels=labels, columns=series)


def _sequences(home: Home) -> Table:
    found = sequences.lines(buckets=home.buckets, workspace_id=home.workspace_id)
    has_activity = any(line.counts[each] for line in found.lines for each in OF_ACTIVITY)
    columns = [*COLUMNS, *OF_ACTIVITY] if has_activity else COLUMNS
    return Table(
        columns=[column.label for column in columns],
        rows=[_row(line, columns) for line in found.lines],
        address=list_url(SequenceRow),
        has_more=found.has_more,
    )


def _row(line: sequences.SequenceLine, columns: Sequence[Measure]) -> Row:
    return Row(
        sequence=line.sequence,
        address=page_url(line.sequence),
        enrollments=list_url(Enrollment, sequence__id__exact=line.sequence.pk, under_way="yes"),
        trigger=sequence_words.trigger_in_words(line.sequence),
        status=line.sequence.get_status_display(),
        under_way=f"{line.under_way.count:,}" if line.under_way.counted_at else "-",
        numbers=[f"{line.counts[column]:,}" for column in columns],
    )


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
