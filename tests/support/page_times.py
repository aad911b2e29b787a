"""Opens every page of the admin, and prints what each takes.

    python -m tests.support.page_times [PART OF A PAGE'S ADDRESS …]

Lists with each of their filters, searches, deep and last pages, for all workspaces and for the
small one; the pages of a busy row and of the newest. A page's time is the CPU of this process and
of its PostgreSQL session, which a busy machine changes little; the least of two, or of three
where those are many. Beside it: the time on the clock, of all statements and of the slowest.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import django

django.setup()

from django.contrib import admin  # noqa: E402 - Django is set up by now
from django.contrib.auth.models import User  # noqa: E402 - as above
from django.db import connection  # noqa: E402 - as above
from django.db.models import Model  # noqa: E402 - as above
from django.test import Client  # noqa: E402 - as above
from django.test.utils import setup_test_environment  # noqa: E402 - as above
from django.urls import reverse  # noqa: E402 - as above

import config.urls  # noqa: F401, E402 - registers the pages
from config.admin_filters import FieldFilter  # noqa: E402 - as above
from config.admin_links import list_url  # noqa: E402 - as above
from config.workspace_choice import SESSION_KEY  # noqa: E402 - as above
from events.models import Enrollment, Event, EventDefinition, Sequence  # noqa: E402 - as above
from subscribers.ids import encode  # noqa: E402 - as above
from subscribers.models import (  # noqa: E402 - as above
    List,
    OutgoingEmail,
    Segment,
    Subscriber,
    Tag,
    Workspace,
)

TIMES, QUICK_MS, SLOW_MS, AIM_MS = 3, 140, 60000, 150
MOST_CHOICES, WORST = 8, 10
SEARCHES = ("person7@mail7.example.com", "First7", "First7 Last7", "event-03", "small-02", "zzzz")
PROPERTIES = ("order.total = 7", "order.total = 100000", "plan = pro")
# They change nothing when opened, and say no more of the database than their neighbours.
LEFT_OUT = ("add/", "delete/", "password/")


@dataclass(order=True)
class Measure:
    """One request, in milliseconds."""

    cpu: float
    clock: float
    seen: list[tuple[float, str]] = field(compare=False)

    @property
    def slowest(self) -> tuple[float, str]:
        return max(self.seen, default=(0.0, ""))

    def __str__(self) -> str:
        database = sum(took for took, _ in self.seen)
        return (
            f"{self.cpu:8.0f} {self.clock:8.0f} {database:8.0f} {len(self.seen):4}"
            f" {self.slowest[0]:8.0f}"
        )


class Statements:
    """Times the statements of a request."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str]] = []

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            took = (time.perf_counter() - began) * 1000
            self.seen.append((took, f"{sql} <- {params}"))


def main() -> None:
    """Measure, print a line for each, and the slowest statement of those over the aim."""
    setup_test_environment(debug=False)
    sys.stdout.write("     CPU    clock database  statements  slowest\n")
    wanted = sys.argv[1:] or [""]
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="scale"))
    rows: list[tuple[Measure, str]] = []
    workspaces: dict[str, Workspace | None] = {"all": None}
    workspaces["small"] = Workspace.objects.filter(slug="small-shop").first()
    for label, workspace in workspaces.items():
        session = client.session
        session[SESSION_KEY] = workspace.pk.hex if workspace else ""
        session.save()
        pages = [*home(), *lists(client), *narrowed(), *([] if workspace else objects())]
        for address in dict.fromkeys(pages):
            page = f"{label} {address}"
            if any(part in page for part in wanted) and (found := measure(client, address)):
                rows.append((found, f"{label} {address}"))
                sys.stdout.write(f"{found}  {label} {address}\n")
                sys.stdout.flush()
    rows.sort(reverse=True)
    over = [row for row in rows if row[0].cpu > AIM_MS]
    for found, page in over:
        took, sql = found.slowest
        sys.stdout.write(f"\n-- {page}: {took:.0f} ms\n{sql}\n")
    sys.stdout.write("\nThe slowest:\n")
    sys.stdout.write("".join(f"{found}  {page}\n" for found, page in rows[:WORST]))
    most = max((len(found.seen) for found, _ in rows), default=0)
    half, most_of_them = (rows[len(rows) * part // 100][0].cpu for part in (50, 5))
    sys.stdout.write(
        f"\n{connection.vendor}: {len(rows)} pages, {len(over)} over {AIM_MS} ms; half of them"
        f" under {half:.0f} ms, 95 % under {most_of_them:.0f} ms; at most {most} statements\n"
    )


def measure(client: Client, address: str) -> Measure | None:
    """Open a page some times; None when it is no page: a file, a redirect, for POST alone."""
    best: list[Measure] = []
    for _ in range(TIMES):
        statements = Statements()
        began, cpu = time.perf_counter(), cpu_seconds()
        with connection.execute_wrapper(statements):
            answer = client.get(address)
            status = answer.status_code
            if answer.streaming:
                b"".join(answer)
        took = (time.perf_counter() - began) * 1000
        if status != 200:
            if status not in (302, 404, 405):
                sys.stdout.write(f"{status} {address}\n")
            return None
        best.append(Measure((cpu_seconds() - cpu) * 1000, took, statements.seen))
        if len(best) > 1 and (min(best).cpu < QUICK_MS or took > SLOW_MS):
            break
    return min(best)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its session in the database."""
    own = time.process_time()
    if connection.vendor == "sqlite":
        return own
    connection.ensure_connection()
    session = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return own + int(session.read_text().split()[0]) / 1e9


def home() -> Iterator[str]:
    yield reverse("admin:index")
    yield from (f"{reverse('admin:index')}?by={unit}" for unit in ("hour", "day"))


def lists(client: Client) -> Iterator[str]:
    """Yield each list: as it is, with each choice of each filter, searched, deep, last."""
    for model, shown in admin.site._registry.items():
        address = list_url(model)
        yield address
        answer: Any = client.get(address)
        for spec in answer.context_data["cl"].filter_specs:
            if isinstance(spec, FieldFilter):
                yield from (f"{address}?{each}" for each in field_values(spec))
                continue
            for choice in list(spec.choices(answer.context_data["cl"]))[:MOST_CHOICES]:
                yield address + choice.get("query_string", "")
        if shown.search_fields:
            yield from (f"{address}?q={quote(each)}" for each in SEARCHES)
        yield from (f"{address}?before={row_id}" for row_id in positions(model))


def narrowed() -> Iterator[str]:
    """Yield lists as links lead to them, and with several filters."""
    first, by_name = Subscriber.objects.order_by("pk")[1], EventDefinition.objects.order_by("pk")
    yield list_url(Event, person=first.email, name="event-03")
    yield list_url(Event, person=first.email, property="order.total = 100000")
    yield list_url(Event, name="event-39", property="order.total = 100000")
    for definition in by_name[:2]:
        yield list_url(Event, definition__id__exact=definition.pk)
    for each in (Event, Enrollment, OutgoingEmail):
        yield list_url(each, subscriber__id__exact=first.pk)
    for model, name in ((Tag, "tag"), (List, "list"), (Segment, "segment")):
        for row in model.objects.order_by("pk")[:2]:
            yield list_url(Subscriber, **{name: row.pk.hex})
    for status in ("failed", "sent"):
        yield list_url(OutgoingEmail, status__exact=status, **dates(10, 9))
    sequence = Sequence.objects.order_by("pk")[0]
    for step in sequence.current_version.steps.all():  # type: ignore[union-attr]  # it has one
        yield list_url(Enrollment, sequence__id__exact=sequence.pk, step__id__exact=step.pk)
    yield list_url(Enrollment, sequence__id__exact=sequence.pk, under_way="yes")
    yield list_url(Enrollment, sequence__id__exact=sequence.pk, status__exact="failed")


def dates(begin: int, end: int) -> dict[str, str]:
    """Return the filter by date that begins and ends so many days ago."""
    today = datetime.now(tz=UTC).date()
    found = {"from": begin, "until": end}
    return {name: str(today - timedelta(days=days)) for name, days in found.items()}


def field_values(spec: FieldFilter) -> Iterator[str]:
    name = spec.parameter_name
    values: dict[str, list[str]] = {
        "name": ["event-00", "event-39", "small-03", "unheard"],
        "person": ["person1@mail1.example.com", "person100@mail0.example.com", "c-1"],
        "property": list(PROPERTIES),
    }
    if name in ("from", "until"):
        yield from (urlencode(dates(begin, end)) for begin, end in ((1, 0), (12, 11), (400, 390)))
        yield from (urlencode({name: dates(days, days)[name]}) for days in (0, 20))
        return
    offered = values.get(name) or list(getattr(spec, "options", {}))
    yield from (urlencode({name: value}) for value in offered)


def positions(model: type[Model]) -> Iterator[object]:
    """Return where a page in the middle and the last page begin."""
    rows = model._default_manager.order_by("pk").values_list("pk", flat=True)
    count = rows.count()
    yield from (rows[place] for place in (count // 2, min(30, count - 1)) if count)


def objects() -> Iterator[str]:
    """Yield the pages of rows that have much and of those that have little."""
    for model, shown in admin.site._registry.items():
        rows = model._default_manager.order_by("pk")
        count = rows.count()
        for place in sorted({min(1, count - 1), count - 1} if count else ()):
            row_id = rows[place].pk
            for pattern in shown.urls:
                name = str(pattern.pattern)
                view = name.removeprefix("<path:object_id>/")
                if view != name and view and not view.endswith(LEFT_OUT):
                    yield f"{list_url(model)}{row_id}/{view}"
    person = Subscriber.objects.order_by("pk")[1]
    address = f"{list_url(Subscriber)}{person.pk}/"
    for show in ("events", "sequences", "mail", "consent", "changes"):
        yield f"{address}change/?show={show}"
    sequence = Sequence.objects.order_by("pk")[0]
    yield f"{list_url(Sequence)}{sequence.pk}/why/?person={quote(person.email)}"
    yield f"{list_url(Sequence)}{sequence.pk}/simulate/?person={quote(person.email)}"
    yield f"{list_url(Event)}newer/?after={encode('evt', Event.objects.order_by('pk')[0].pk)}"


if __name__ == "__main__":
    main()
