"""Opens and clicks are counted once; machines, and people who do not want it, stay apart."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from subscribers.models import MailActivity, OutgoingEmail, Subscriber, Workspace
from subscribers.services.activity import recording, visits
from subscribers.services.activity.rules import Visit
from tests.factories.sequences import NOON
from tests.support.tracked_mail import (
    A_PERSON,
    FIREFOX,
    HELP,
    SHOP,
    activity_of,
    links_of,
    picture_of,
    sent_mail,
    token_of,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
SECOND = timedelta(seconds=1)
SHOWN = Visit(user_agent=FIREFOX, destination="image")
APPLE = Visit(user_agent="Mozilla/5.0")


@pytest.fixture
def email() -> OutgoingEmail:
    return sent_mail()


def click(email: OutgoingEmail, *, link: int = 0, visit: Visit = A_PERSON, after: int = 0) -> None:
    token = token_of(links_of(email)[link])
    assert visits.follow(token=token, visit=visit, now=LATER + after * SECOND) in {SHOP, HELP}


def look(email: OutgoingEmail, *, visit: Visit = SHOWN, after: int = 0) -> None:
    token = token_of(picture_of(email))
    visits.note_open(token=token, visit=visit, now=LATER + after * SECOND)


def test_a_person_who_opens_and_clicks_is_counted_once(email: OutgoingEmail) -> None:
    for after in (0, 5, 9):
        look(email, after=after)
        click(email, after=after)

    rows = MailActivity.objects.order_by("id")
    assert activity_of(email) == [("opened", "human", ""), ("clicked", "human", SHOP)]
    assert [(row.times, row.at, row.last_at) for row in rows] == [
        (3, LATER, LATER + 9 * SECOND)
    ] * 2
    assert [row.reasons for row in rows] == [["picture"], ["page"]]
    assert {(row.workspace, row.subscriber) for row in rows} == {
        (email.workspace, email.subscriber)
    }


def test_a_machine_and_a_person_are_two_facts(email: OutgoingEmail) -> None:
    look(email, visit=APPLE)
    look(email, after=60)

    assert activity_of(email) == [("opened", "machine", ""), ("opened", "human", "")]


def test_a_scanner_that_looks_like_a_browser_is_found_by_its_haste(email: OutgoingEmail) -> None:
    click(email, link=0)
    click(email, link=1)
    click(email, link=0)

    assert activity_of(email) == [("clicked", "machine", SHOP), ("clicked", "machine", HELP)]
    reasons = MailActivity.objects.values_list("reasons", flat=True)
    assert set(map(tuple, reasons)) == {("one_of_many",)}


def test_a_look_at_the_headers_marks_what_follows_at_once(email: OutgoingEmail) -> None:
    click(email, visit=Visit(user_agent=FIREFOX, is_head=True))
    click(email)

    assert activity_of(email) == [("clicked", "machine", SHOP)]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_links_followed_side_by_side_are_a_scanner_s() -> None:
    email = sent_mail()
    tokens = [token_of(path) for path in links_of(email)] * 4
    barrier = threading.Barrier(len(tokens))

    def follow(token: str) -> None:
        barrier.wait()
        visits.follow(token=token, visit=A_PERSON, now=LATER)
        connection.close()

    with ThreadPoolExecutor(len(tokens)) as pool:
        list(pool.map(follow, tokens))

    rows = MailActivity.objects.order_by("url").values_list("quality", "url")
    assert list(rows) == [("machine", HELP), ("machine", SHOP)]


def test_a_click_of_a_scanner_that_came_again_is_one_row(email: OutgoingEmail) -> None:
    click(email, visit=Visit(user_agent="curl/8.0"))
    click(email, after=10)
    click(email, link=1, after=10)

    assert activity_of(email) == [("clicked", "machine", SHOP), ("clicked", "machine", HELP)]


def test_a_person_follows_two_links_in_their_time(email: OutgoingEmail) -> None:
    click(email, link=0)
    click(email, link=1, after=5)

    assert activity_of(email) == [("clicked", "human", SHOP), ("clicked", "human", HELP)]


def test_a_visit_while_the_mail_is_being_sent_is_a_scanner_s(email: OutgoingEmail) -> None:
    OutgoingEmail.objects.filter(pk=email.pk).update(
        status=OutgoingEmail.Status.SENDING, sent_at=None, sending_since=NOON
    )

    look(email)
    click(email)

    assert [quality for _, quality, _ in activity_of(email)] == ["machine", "machine"]


def test_a_person_who_asks_later_not_to_be_tracked_is_not_recorded(email: OutgoingEmail) -> None:
    paths = links_of(email)
    picture = token_of(picture_of(email))
    Subscriber.objects.update(attributes={"doNotTrack": True})

    visits.note_open(token=picture, visit=SHOWN, now=LATER)
    url = visits.follow(token=token_of(paths[0]), visit=A_PERSON, now=LATER)

    assert url == SHOP
    assert activity_of(email) == []


def test_a_workspace_that_stops_tracking_records_nothing_more(email: OutgoingEmail) -> None:
    paths, picture = links_of(email), token_of(picture_of(email))
    Workspace.objects.update(tracks_opens=False, tracks_clicks=False)

    visits.note_open(token=picture, visit=SHOWN, now=LATER)
    url = visits.follow(token=token_of(paths[0]), visit=A_PERSON, now=LATER)

    assert url == SHOP
    assert activity_of(email) == []


def test_a_robot_writes_a_bounded_number_of_rows_and_times() -> None:
    links = [f"https://shop.example/{number}" for number in range(recording.MOST_ROWS + 5)]
    email = sent_mail(text="\n".join(links), html="")
    rows = [
        recording.Seen(email=email, kind=MailActivity.Kind.CLICKED, at=LATER, url=url)
        for url in links
    ]

    recording.record(seen=rows)
    for after in range(1, recording.MOST_TIMES + 10):
        first = recording.Seen(
            email=email,
            kind=MailActivity.Kind.CLICKED,
            at=LATER + after * SECOND,
            url=links[0],
        )
        recording.record(seen=[first])

    recording.record(
        seen=[
            recording.Seen(email=email, kind=MailActivity.Kind.COMPLAINED, at=LATER),
            recording.Seen(
                email=email,
                kind=MailActivity.Kind.CLICKED,
                quality="human",
                at=LATER,
                url=links[-1],
            ),
        ]
    )

    assert MailActivity.objects.count() == recording.MOST_ROWS + 2
    assert MailActivity.objects.order_by("-times").values_list("times", flat=True)[0] == (
        recording.MOST_TIMES
    )


def test_a_visit_costs_a_few_statements_however_often_it_comes(email: OutgoingEmail) -> None:
    click_token, open_token = token_of(links_of(email)[0]), token_of(picture_of(email))

    for after in (0, 60, 120):
        now = LATER + after * SECOND
        with CaptureQueriesContext(connection) as of_open:
            visits.note_open(token=open_token, visit=SHOWN, now=now)
        with CaptureQueriesContext(connection) as of_click:
            visits.follow(token=click_token, visit=A_PERSON, now=now)
        assert (len(of_open), len(of_click)) == (3, 4)


def test_a_scanner_that_comes_later_leaves_the_person_s_click(email: OutgoingEmail) -> None:
    click(email, link=0)
    click(email, link=0, after=600)
    click(email, link=1, after=600)

    assert activity_of(email) == [("clicked", "human", SHOP), ("clicked", "machine", HELP)]


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_is_erased_meanwhile_harms_no_other() -> None:
    gone, kept = sent_mail(), sent_mail()
    OutgoingEmail.objects.get(pk=gone.pk).delete()
    kind = MailActivity.Kind.DELIVERED

    recording.record(seen=[recording.Seen(email=each, kind=kind, at=NOON) for each in (gone, kept)])

    assert [row.email for row in MailActivity.objects.all()] == [kept]
