"""The home page: figures with their lists, for those who may see them, in constant queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from events.models import CurrentCount, EventCount, Sequence, SequenceCount
from events.services.counts import current, roll_ups
from events.services.counts.roll_ups import first_id_at
from subscribers.admin.outbox_numbers import PAGE as OUTBOX_NUMBERS
from subscribers.models import Workspace
from subscribers.models.outcome_count import NO_SEQUENCE
from tests import factories
from tests.config.test_workspace_choice import choose

HOME = "/admin/"


def cards(client: Client, address: str = HOME) -> dict[str, Any]:
    """Return the cards that the page shows, by their title."""
    return {card.title: card for card in client.get(address).context["cards"]}


def needs(client: Client) -> list[tuple[str, str]]:
    return [(each.word, str(each.text)) for each in client.get(HOME).context["needs"]]


def hour(before: int = 0) -> datetime:
    now = datetime.now(tz=UTC)
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=before)


@pytest.fixture
def viewer(client: Client, db: None) -> User:
    """Signed in, with no right yet."""
    person = User.objects.create(username="viewer", is_staff=True)
    client.force_login(person)
    return person


def test_events_are_compared_with_the_same_hours_of_the_day_before(admin_client: Client) -> None:
    definition = factories.EventDefinitionFactory.create()
    for before, count in ((0, 5), (3, 30), (26, 12), (27, 12), (48, 1000)):
        factories.EventCountFactory.create(
            definition=definition, starts_at=hour(before), count=count
        )

    card = cards(admin_client)["Events"]

    # The current hour is not over, and is compared with nothing.
    assert card.number == "35"
    assert list(card.lines) == ["▲ 25% on the day before"]


def test_the_events_lead_to_a_list_of_exactly_those(admin_client: Client) -> None:
    now = timezone.now()
    events = [
        factories.EventFactory.create(pk=first_id_at(at), received_at=at, occurred_at=at)
        for at in (now, hour(23), hour(24), now - timedelta(days=3))
    ]
    roll_ups.roll_up(now=now, since=now)

    card = cards(admin_client)["Events"]
    listed = admin_client.get(card.address).context["cl"].result_list

    assert card.number == "2"
    assert [row.pk for row in listed] == [event.pk for event in events[:2]]


def test_days_are_read_from_the_days_of_occurrence(admin_client: Client) -> None:
    definition = factories.EventDefinitionFactory.create()
    for days, count in ((0, 5), (29, 7), (30, 9)):
        factories.EventCountFactory.create(
            definition=definition,
            unit=EventCount.Unit.DAY_OF_OCCURRENCE,
            starts_at=hour().replace(hour=0) - timedelta(days=days),
            count=count,
        )

    page = admin_client.get(f"{HOME}?by=day")

    assert cards(admin_client, f"{HOME}?by=day")["Events"].number == "12"
    assert "Events by day (UTC)" in page.content.decode()
    assert [word for word, _, is_current in page.context["periods"] if is_current] == ["day"]


@pytest.mark.parametrize("by", ["x", "", "hour&by=%00", "9" * 500, "day'"])
def test_an_unknown_period_is_the_last_day(admin_client: Client, db: None, by: str) -> None:
    page = admin_client.get(f"{HOME}?by={by}")

    assert page.status_code == 200
    assert [word for word, _, is_current in page.context["periods"] if is_current] == ["hour"]


def test_new_and_pending_people_lead_to_their_lists(
    admin_client: Client, workspace: Workspace
) -> None:
    factories.SubscriberFactory.create_batch(2, workspace=workspace)
    factories.SubscriberFactory.create(workspace=workspace, pending=True)
    long_ago = first_id_at(datetime(2026, 1, 1, tzinfo=UTC))
    factories.SubscriberFactory.create(pk=long_ago, workspace=workspace, pending=True)

    before = cards(admin_client)["Waiting for confirmation"]
    current.count_due(now=timezone.now())
    found = cards(admin_client)

    assert found["New people"].number == "3"
    assert list(found["New people"].lines) == ["1 of them has not confirmed"]
    came = admin_client.get(found["New people"].address).context["cl"].result_list
    assert len(came) == 3
    assert (before.number, list(before.lines)) == ("-", ["not counted yet"])
    pending = found["Waiting for confirmation"]
    listed = admin_client.get(pending.address).context["cl"].result_list
    assert pending.number == "2" == str(len(listed))


def test_numbers_are_of_the_chosen_workspace(admin_client: Client, workspace: Workspace) -> None:
    ours = factories.EventDefinitionFactory.create(workspace=workspace)
    factories.EventCountFactory.create(definition=ours, starts_at=hour(1), count=3)
    factories.EventCountFactory.create(starts_at=hour(1), count=4)
    factories.SubscriberFactory.create(workspace=workspace)
    factories.SubscriberFactory.create()
    unknown = factories.OutgoingEmailFactory.create(unknown=True)
    factories.FailedStageFactory.create()
    factories.ImportRunFactory.create(rejected=1, rows=1, started_at=timezone.now())

    in_all = cards(admin_client)
    assert (in_all["Events"].number, len(needs(admin_client))) == ("7", 3)
    choose(admin_client, workspace)
    found = cards(admin_client)

    assert (found["Events"].number, found["New people"].number) == ("3", "1")
    assert needs(admin_client) == []
    choose(admin_client, unknown.workspace)
    assert [word for word, _ in needs(admin_client)] == ["unknown"]


def count_steps(sequence: Sequence, measure: str, count: int, **columns: Any) -> None:
    SequenceCount.objects.create(
        workspace=sequence.workspace,
        sequence_id=columns.pop("sequence_id", sequence.pk),
        measure=measure,
        count=count,
        **{"unit": "hour", "starts_at": hour(1), **columns},
    )


def test_mails_are_shown_with_what_became_of_them(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = factories.SequenceFactory.create(workspace=workspace)
    count_steps(sequence, "mailed", 9, step_key="a")
    count_steps(sequence, "mailed", 2, sequence_id=NO_SEQUENCE, step_key="confirmation")
    count_steps(sequence, "skipped", 3, reason="suppressed")
    count_steps(sequence, "failed", 1, reason="template_error")
    count_steps(sequence, "mailed", 100, starts_at=hour(24))
    count_steps(sequence, "mailed", 500, unit="day", starts_at=hour().replace(hour=0))
    count_steps(factories.SequenceFactory.create(), "mailed", 40)
    assert cards(admin_client)["Mails sent"].number == "51"

    choose(admin_client, workspace)
    card = cards(admin_client)["Mails sent"]

    line = card.lines[0]
    assert card.number == "11"
    assert line == f'<a href="{reverse(OUTBOX_NUMBERS)}">3 skipped · 1 failed</a>'
    assert cards(admin_client, f"{HOME}?by=day")["Mails sent"].number == "500"


def test_the_table_has_the_numbers_of_each_sequence(
    admin_client: Client, workspace: Workspace
) -> None:
    draft = factories.SequenceFactory.create(workspace=workspace, name="A draft")
    runs = factories.SequenceFactory.create(workspace=workspace, name="Welcome", status="active")
    factories.SequenceFactory.create(workspace=workspace, status="archived")
    foreign = factories.SequenceFactory.create()
    for measure, count in (("entered", 6), ("mailed", 4), ("skipped", 2), ("failed", 1)):
        count_steps(runs, measure, count)
    CurrentCount.objects.create(
        workspace=workspace,
        subject="sequence",
        subject_id=runs.pk,
        count=7,
        counted_at=timezone.now(),
    )
    choose(admin_client, workspace)

    page = admin_client.get(HOME)
    table = page.context["sequences"]

    assert [row.sequence for row in table.rows] == [runs, draft]
    assert table.columns == ["Entered", "Mailed", "Skipped", "Failed"]
    assert [(row.under_way, list(row.numbers)) for row in table.rows] == [
        ("7", ["6", "4", "2", "1"]),
        ("-", ["0", "0", "0", "0"]),
    ]
    assert foreign.name not in page.content.decode()
    assert cards(admin_client)["Enrollments under way"].number == "7"


def test_opens_and_clicks_are_shown_where_they_are_counted(admin_client: Client) -> None:
    sequence = factories.SequenceFactory.create()
    count_steps(sequence, "opened", 5, reason="human")
    count_steps(sequence, "opened", 2, reason="unknown")
    count_steps(sequence, "opened", 90, reason="machine")

    table = admin_client.get(HOME).context["sequences"]

    assert table.columns[-2:] == ["Opened", "Clicked"]
    assert list(table.rows[0].numbers[-2:]) == ["7", "0"]


def test_the_table_ends_after_twenty_sequences_with_a_link(admin_client: Client) -> None:
    factories.SequenceFactory.create_batch(21)

    page = admin_client.get(HOME)

    assert len(page.context["sequences"].rows) == 20
    assert "All sequences" in page.content.decode()


def test_what_needs_somebody_leads_to_exactly_those_rows(admin_client: Client) -> None:
    factories.OutgoingEmailFactory.create_batch(2, unknown=True)
    factories.FailedStageFactory.create()
    run = factories.ImportRunFactory.create(
        rejected=12, rows=12, started_at=timezone.now(), files=["people.csv"]
    )
    factories.ImportRunFactory.create(rejected=1, rows=1)

    found = admin_client.get(HOME).context["needs"]

    assert [each.word for each in found] == ["unknown", "retry", "import"]
    unknown, retry, of_import = found
    assert str(unknown.text).startswith("2 mails were")
    assert len(admin_client.get(unknown.address).context["cl"].result_list) == 2
    assert str(retry.text).startswith("1 effect of an event failed")
    assert len(admin_client.get(retry.address).context["cl"].result_list) == 1
    assert of_import.text == f"{run}: 12 rows rejected."
    assert str(run.pk) in of_import.address


def test_workers_and_mail_say_what_is_wrong(admin_client: Client, settings: Settings) -> None:
    found = cards(admin_client)
    assert (found["Workers"].number, found["Workers"].is_bad) == ("0 alive", True)
    assert found["Mail server"].number == "Kept here"

    now = timezone.now()
    factories.WorkerFactory.create(ticked_at=now, beat_at=now)
    factories.EnrollmentFactory.create(due_at=now - timedelta(minutes=10))
    settings.MAIL_PAUSED = True
    found = cards(admin_client)

    assert (found["Workers"].number, found["Workers"].is_bad) == ("1 alive", False)
    assert list(found["Workers"].lines) == ["the longest due step waits 10 min"]
    assert (found["Mail server"].number, found["Mail server"].is_bad) == ("Paused", True)


@pytest.mark.parametrize(
    ("codename", "titles"),
    [
        ("view_event", ["Events"]),
        ("view_subscriber", ["New people", "Waiting for confirmation"]),
        ("view_worker", ["Workers"]),
        ("view_mailflow", ["Mail server"]),
        ("view_enrollment", ["Enrollments under way"]),
        ("view_sequence", []),
        ("view_tag", []),
    ],
)
def test_a_card_is_for_those_who_may_see_its_subject(
    client: Client, viewer: User, codename: str, titles: list[str]
) -> None:
    factories.OutgoingEmailFactory.create(unknown=True)
    viewer.user_permissions.add(Permission.objects.get(codename=codename))

    page = client.get(HOME)

    assert [card.title for card in page.context["cards"]] == titles
    assert page.context["needs"] == []
    assert page.context["first_steps"] == []
    assert bool(page.context["sequences"]) == (codename == "view_sequence")
    assert bool(page.context["charts"]) == (codename == "view_event")
    text = page.content.decode()
    assert ("Needs you" in text) == (codename == "view_sequence")
    assert ("You may see no part of this page." in text) == (codename == "view_tag")


def test_a_new_installation_shows_what_to_do_first(
    admin_client: Client, workspace: Workspace
) -> None:
    steps = admin_client.get(HOME).context["first_steps"]
    assert [step.is_done for step in steps] == [False] * 4
    assert "/api/v1/subscribers/events/bulk" in steps[1].line

    factories.ApiKeyFactory.create(workspace=workspace)
    factories.EventFactory.create(definition__workspace=workspace, subscriber__workspace=workspace)
    steps = admin_client.get(HOME).context["first_steps"]
    assert [step.is_done for step in steps] == [True, True, False, False]

    factories.SequenceFactory.create(workspace=workspace)
    assert admin_client.get(HOME).context["first_steps"] == []


def test_without_any_workspace_the_page_opens(admin_client: Client, db: None) -> None:
    page = admin_client.get(HOME)

    assert page.status_code == 200
    assert len(page.context["first_steps"]) == 4


def test_times_are_in_the_zone_of_the_chosen_workspace(
    admin_client: Client, workspace: Workspace
) -> None:
    Workspace.objects.update(timezone="Asia/Kolkata")
    factories.EventCountFactory.create(definition__workspace=workspace, starts_at=hour(1), count=3)

    page = admin_client.get(HOME).content.decode()

    assert "Times in Asia/Kolkata" in page
    assert ":30: 3 events" in page


def test_many_rows_and_workspaces_cost_no_more_queries(admin_client: Client) -> None:
    def make(count: int) -> None:
        for _ in range(count):
            factories.EventCountFactory.create(starts_at=hour(1))
            factories.FailedStageFactory.create()
            factories.OutgoingEmailFactory.create(unknown=True)
            factories.ImportRunFactory.create(rejected=1, rows=1, started_at=timezone.now())
            enrollment = factories.EnrollmentFactory.create(failed=True)
            count_steps(enrollment.sequence, "mailed", 1)

    make(2)
    admin_client.get(HOME)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(HOME)
    make(8)

    with CaptureQueriesContext(connection) as many:
        admin_client.get(HOME)

    assert len(many) == len(few)
