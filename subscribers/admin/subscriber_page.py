"""What the page of one subscriber shows: who it is, whether they can be mailed, the time line."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import link_to, list_url
from config.readable import (
    NOTHING,
    bulleted,
    json_value,
    local_time,
    moment,
    sentence,
    separated,
    time_tag,
)
from events.language.timing import zone_of
from events.models import Enrollment, Event
from events.services.people import next_mail
from events.services.people.timeline import reading
from events.services.people.timeline.sources import (
    SEE_CONSENT,
    SEE_ENROLLMENTS,
    SEE_EVENTS,
    SEE_MAILS,
    SOURCES,
    Show,
)
from events.wording.enrollments import on_both_clocks
from events.wording.steps import row_in_words
from subscribers.admin import subscriber_consent, timeline_lines
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber

SHOW = "show"
AFTER = "after"
# Why a page of changes may be short.
CUT = "So far the events were searched for changes; older ones follow."
MOST_UNDER_WAY = 20
COLOURS = {
    "pending": "warning", "active": "success", "unsubscribed": "", "bounced": "danger",
    "complained": "danger",
}  # fmt: skip
ALL_ROWS = (
    ("All events", Event, SEE_EVENTS),
    ("All enrollments", Enrollment, SEE_ENROLLMENTS),
    ("All mails", OutgoingEmail, SEE_MAILS),
    ("The whole ledger", ConsentRecord, SEE_CONSENT),
)


def context(request: HttpRequest, person: Subscriber, *, now: datetime) -> dict[str, Any]:
    """Return what the template shows, as far as the reader may see it."""
    sees: Callable[[str], bool] = request.user.has_perm
    show = _chosen(request.GET.get(SHOW, ""))
    after = request.GET.get(AFTER, "")
    page = reading.read(person=person, show=show, after=after, sees=sees)
    return {
        "person": person,
        "person_name": name_of(person),
        "person_state": (person.get_status_display(), COLOURS[person.status]),
        "person_facts": list(_facts(person, now)),
        "can_be_mailed": subscriber_consent.can_be_mailed(person, now=now),
        "next_due": _next_due(person, now) if sees(SEE_ENROLLMENTS) else "",
        "under_way": _under_way(person) if sees(SEE_ENROLLMENTS) else "",
        "person_tags": _tags(person),
        "person_lists": _lists(person),
        "person_attributes": json_value(person.attributes) if person.attributes else NOTHING,
        "person_details": list(_details(person)),
        "all_rows": [
            (words, list_url(model, subscriber__id__exact=person.pk))
            for words, model, permission in ALL_ROWS
            if sees(permission)
        ],
        "days": timeline_lines.by_day(page, now=now),
        "tabs": [(each.value.capitalize(), _address(each), each is show) for each in _tabs(sees)],
        "older": _address(show, page.older) if page.older else "",
        "newest": _address(show) if after else "",
        "cut": CUT if page.is_cut else "",
    }


def name_of(person: Subscriber) -> str:
    return f"{person.first_name} {person.last_name}".strip()


def _chosen(text: str) -> Show:
    return Show(text) if text in set(Show) else Show.ALL


def _address(show: Show, after: str = "") -> str:
    given = {SHOW: show.value} if show is not Show.ALL else {}
    return "?" + urlencode({**given, AFTER: after} if after else given)


def _tabs(sees: Callable[[str], bool]) -> Iterator[Show]:
    """Return the filters that have something to show to the reader."""
    for show in Show:
        if any(show in source.shows and sees(source.permission) for source in SOURCES):
            yield show


def _facts(person: Subscriber, now: datetime) -> Iterator[SafeString | str]:
    """Return the words under the name: addresses, the person's clock, since when."""
    yield sentence("{}", person.email)
    if person.external_id:
        yield sentence("{}", person.external_id)
    if person.timezone:
        zone = zone_of(person.timezone, person.workspace.timezone)
        yield sentence("{}, there {}", str(zone), time_tag(now, f"{now.astimezone(zone):%H:%M}"))
    else:
        yield f"{zone_of(person.workspace.timezone)}, as the workspace"
    since = local_time(person.created_at)
    yield sentence("since {}", time_tag(since, f"{since.day} {since:%B %Y}"))
    yield sentence("workspace {}", person.workspace.name)


def _next_due(person: Subscriber, now: datetime) -> SafeString:
    found = next_mail.of_person(subscriber=person, now=now)
    if found is None:
        return sentence("{}", "No mail is due.")
    enrollment = found.enrollment
    when = time_tag(found.at, on_both_clocks(found.at, person.workspace, person))
    of = link_to(enrollment, enrollment.sequence.name)
    if found.subject:
        return sentence("Next mail: “{}” of {}, {}.", found.subject, of, when)
    step = row_in_words(enrollment.step) if enrollment.step else ""
    return sentence("No mail is certain. Next step: {} of {}, {}.", step, of, when)


def _under_way(person: Subscriber) -> SafeString:
    """Return where the person is in sequences now, with a link to each."""
    rows = Enrollment.objects.filter(subscriber=person, status__in=Enrollment.UNDER_WAY)
    shown = rows.select_related("sequence", "step").order_by("-id")[:MOST_UNDER_WAY]
    return bulleted(
        sentence(
            "{}: {}{}{}",
            link_to(row, row.sequence.name),
            row.get_status_display().lower(),
            sentence(", at {}", row_in_words(row.step)) if row.step else "",
            sentence(", due {}", time_tag(row.due_at)) if row.due_at else "",
        )
        for row in shown
    )


def _tags(person: Subscriber) -> SafeString:
    links = person.tag_links.select_related("tag").order_by("tag__name")
    return separated(link_to(link.tag) for link in links)


def _lists(person: Subscriber) -> SafeString:
    rows = person.memberships.select_related("list").order_by("list__name")
    return separated(
        sentence(
            "{}{}", link_to(row.list), f", left {moment(row.unsubscribed_at)}"
            if row.unsubscribed_at else "",
        )
        for row in rows
    )  # fmt: skip


def _details(person: Subscriber) -> Iterator[tuple[str, SafeString | str]]:
    yield "Id", format_html("<code>{}</code>", person.public_id)
    yield "Added", time_tag(person.created_at)
    yield "Changed", time_tag(person.updated_at)
    if person.unsubscribed_at:
        yield "Unsubscribed", time_tag(person.unsubscribed_at)
