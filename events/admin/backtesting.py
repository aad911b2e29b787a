"""A sequence against the events of the last days: started, watched, cancelled and taken along."""

import csv
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from io import StringIO
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from config import charts
from config.admin_base import BaseAdmin, admin_url, view_url
from config.charts import Series, Tone
from events.admin.clocks import clock
from events.language import timing
from events.models import Backtest, Sequence
from events.services import backtests
from events.wording import backtests as words
from subscribers.models import Subscriber
from subscribers.rows.formula_guard import guarded

DEFAULT_DAYS = 30
SHOWN_PEOPLE = 20
PEOPLE_AT_ONCE = 500
COLUMNS = ("subscriberId", "email", "enteredAt", "mails", "status", "reason")


def show(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> HttpResponse:
    """Show one backtest, the newest if none is named; it renews itself while it is under way."""
    rows = Backtest.objects.filter(sequence=sequence).order_by("-id")
    runs = list(rows.defer("result", "snapshot")[: backtests.MOST_KEPT])
    run = _named(sequence, request.GET.get("run", "")) if "run" in request.GET else rows.first()
    context: dict[str, object] = {
        "sequence": sequence,
        "may_act": page.may_act(request, sequence),
        "address": view_url(sequence, "backtest"),
        "start": view_url(sequence, "start-backtest"),
        "cancel": view_url(sequence, "cancel-backtest"),
        "people_address": view_url(sequence, "backtest-people"),
        "days": DEFAULT_DAYS,
        "obstacle": backtests.obstacle(sequence),
        "most_days": backtests.MOST_DAYS,
        "runs": runs,
    }
    if run is not None:
        context |= _shown(run)
    title = f"Backtest {sequence}"
    return page.page(request, "admin/backtest_sequence.html", title=title, **context)


def start(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> None:
    """Queue a backtest, or say why it cannot be."""
    given = request.POST.get("days", "").strip()
    # More digits are no number of days.
    days = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0  # noqa: PLR2004 - see above
    try:
        run = backtests.request(
            sequence=sequence,
            days=days,
            requested_by=request.user.get_username(),
            now=timezone.now(),
        )
    except (backtests.NotTestable, backtests.StillRunning) as error:
        messages.error(request, str(error))
    else:
        page.tell_done(request, sequence, f"Started a backtest over {run.days} days")


def cancel(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> None:
    run = _named(sequence, request.POST.get("run", ""))
    if backtests.cancel(run=run, now=timezone.now()):
        page.tell_done(request, sequence, f"Cancelled the backtest over {run.days} days")
    else:
        messages.warning(request, "The backtest had ended before.")


def people(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> StreamingHttpResponse:
    """Return who would have entered, as CSV."""
    run = _named(sequence, request.POST.get("run", ""))
    page.log_change(
        request, sequence, f"Downloaded the people of the backtest over {run.days} days"
    )
    name = f"backtest-{sequence.key}-{run.until:%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        _csv(run),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _named(sequence: Sequence, run_id: str) -> Backtest:
    """Return a backtest of the sequence; 404 for anything else."""
    try:
        found = Backtest.objects.filter(sequence=sequence, pk=UUID(run_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found


def _shown(run: Backtest) -> dict[str, object]:
    result = run.result
    if not result:
        return {"run": run, "assumptions": list(words.assumptions(run))}
    entries = result["entries"][:SHOWN_PEOPLE]
    email_by_hex = _emails(run, [each[0] for each in entries])
    zone = timing.zone_of(run.workspace.timezone)
    return {
        "run": run,
        "result": result,
        **{name: f"{result[name]:,}" for name in ("entered", "mails", "events", "people")},
        "chart": _chart(run),
        "assumptions": list(words.assumptions(run)),
        "tables": [
            _table("Mails by step", "Step", words.by_step(run, result["mails_by_step"])),
            _table("Mails skipped", "Because", words.by_reason(result["skipped"])),
            _table("Events that let nobody in", "Because", words.by_reason(result["refused"])),
            _table("How enrollments ended", "Ending", words.by_ending(result["ended"])),
        ],
        "shown_people": [
            (
                email_by_hex.get(person, "a deleted person"),
                admin_url(Subscriber(pk=UUID(person))) if person in email_by_hex else "",
                clock(datetime.fromisoformat(entered_at), zone),
                mails,
                words.ended_in_words(status, reason),
            )
            for person, entered_at, mails, status, reason in entries
        ],
        "listed": f"{len(result['entries']):,}",
    }


def _table(
    title: str, head: str, rows: list[tuple[str, int]]
) -> tuple[str, str, list[tuple[str, str]]]:
    return title, head, [(said, f"{count:,}") for said, count in rows]


def _chart(run: Backtest) -> SafeString:
    """Draw mails and entries by the workspace's days."""
    zone = timing.zone_of(run.workspace.timezone)
    first, last = run.since.astimezone(zone).date(), run.until.astimezone(zone).date()
    days = [first + timedelta(days=place) for place in range((last - first).days + 1)]

    def counted(by_day: Mapping[str, int]) -> list[int]:
        return [by_day.get(day.isoformat(), 0) for day in days]

    return charts.draw(
        title="Mails and entries a day",
        labels=[_day(day) for day in days],
        columns=[Series(name="mails", values=counted(run.result["mails_by_day"]))],
        lines=[
            Series(
                name="entries",
                values=counted(run.result["entered_by_day"]),
                tone=Tone.SECOND,
            )
        ],
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _emails(run: Backtest, hex_ids: list[str]) -> dict[str, str]:
    """Return the addresses of people who are still there; one query."""
    rows = Subscriber.objects.filter(workspace=run.workspace_id, pk__in=map(UUID, hex_ids))
    return {row_id.hex: email for row_id, email in rows.values_list("pk", "email")}


def _csv(run: Backtest) -> Iterator[str]:
    yield _lines([list(COLUMNS)])
    entries = run.result.get("entries", [])
    for begin in range(0, len(entries), PEOPLE_AT_ONCE):
        some = entries[begin : begin + PEOPLE_AT_ONCE]
        emails = _emails(run, [each[0] for each in some])
        yield _lines(
            [
                [
                    f"sub_{person}",
                    guarded(emails.get(person, "")),
                    entered_at,
                    str(mails),
                    status,
                    reason,
                ]
                for person, entered_at, mails, status, reason in some
            ]
        )


def _lines(rows: list[list[str]]) -> str:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
