"""The page of one person: who it is, whether they can be mailed and why, and the time line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.admin_base import admin_url
from subscribers.models import Installation, MailFlow, OutgoingEmail, Subscriber
from subscribers.services.outbox import flow
from tests import factories
from tests.support.sequence_making import make_sequence

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
XSS = "<script>alert(1)</script>"


def page_of(client: Client, person: Subscriber, query: str = "") -> str:
    answer = client.get(admin_url(person) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def make_person(**columns: Any) -> Subscriber:
    return factories.SubscriberFactory.create(workspace__timezone="Europe/Berlin", **columns)


def sign_in_with(client: Client, *codenames: str) -> None:
    user = User.objects.create(username="support", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


def test_the_header_says_who_it_is_and_what_time_it_is_there(admin_client: Client) -> None:
    person = make_person(
        first_name="Ada", last_name="Novak", external_id="user_812", timezone="Asia/Tokyo",
        created_at=datetime(2026, 3, 3, 23, 30, tzinfo=UTC),
    )  # fmt: skip

    page = page_of(admin_client, person)

    for words in ("Ada Novak", person.email, "user_812", "Asia/Tokyo, there <time", "4 March 2026"):
        assert words in page


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "<strong>Yes.</strong>"),
        ({"unsubscribed": True}, "Only transactional mail:</strong> the person has unsubscribed."),
        ({"pending": True}, "Only transactional mail:</strong> the person has not confirmed"),
        ({"bounced": True}, "No:</strong> mail to the address has bounced."),
        ({"complained": True}, "No:</strong> the person has complained about mail."),
        ({"workspace__is_mail_paused": True}, "Not now:</strong> mail is paused."),
        ({"email": "a@other.example"}, "No:</strong> EMAIL_ALLOW does not name the address."),
    ],
)
def test_it_says_whether_they_can_be_mailed_as_sending_decides(
    admin_client: Client, settings: Any, columns: dict[str, Any], words: str
) -> None:
    settings.EMAIL_ALLOW = ["@example.com"]

    assert words in page_of(admin_client, make_person(**columns))


def test_a_suppressed_address_gets_no_mail(admin_client: Client) -> None:
    person = make_person()
    admin_client.post(admin_url(person).replace("/change/", "/suppress/"), {"reason": "asked"})

    page = page_of(admin_client, person)

    assert "No:</strong> the address is suppressed." in page
    assert "Suppressed (manual)" in page


def test_what_the_cap_holds_back_has_its_time(admin_client: Client) -> None:
    person = make_person(workspace__mail_cap=1)
    factories.OutgoingEmailFactory.create(
        subscriber=person, sent=True, sending_since=timezone.now() - timedelta(hours=1)
    )

    assert "Marketing mail waits until <time" in page_of(admin_client, person)


@pytest.mark.parametrize("kind", ["email", "delay"])
def test_the_next_mail_is_named_with_its_time_on_both_clocks(
    admin_client: Client, kind: str
) -> None:
    person = make_person(first_name="Ada", timezone="America/New_York")
    sequence = make_sequence(
        person.workspace,
        {"type": "delay", "delay": {"days": 2}},
        {"type": "email", "subject": "Last week, {{subscriber.firstName}}", "text": "Hello"},
        name="Trial",
    )  # fmt: skip
    version = sequence.versions.get()
    step = version.steps.get(kind=kind)
    factories.EnrollmentFactory.create(
        version=version, step=step, subscriber=person, waiting=True,
        due_at=datetime(2100, 12, 2, 8, tzinfo=UTC),
    )  # fmt: skip

    page = page_of(admin_client, person)

    assert "Next mail: “Last week, Ada” of <a" in page
    assert "2100-12-02 09:00:00 CET (2100-12-02 03:00:00 EST for the person)" in page


def test_the_lines_say_what_happened_by_day_in_the_workspace_s_zone(admin_client: Client) -> None:
    person = make_person()
    rule = factories.SyncRuleFactory.create(workspace=person.workspace)
    tag = {"tag": "trial", "tagId": "0" * 32, "rule": rule.pk.hex}
    factories.EventFactory.create(
        subscriber=person, definition__name="trial_started", properties={"plan": "team"},
        occurred_at=datetime(2025, 3, 2, 23, 30, tzinfo=UTC),
        effects={
            "tagsAdded": [tag],
            "sequencesStarted": [
                {"sequence": "Trial", "sequenceId": "0" * 32, "enrollment": "1" * 32, "by": "event"}
            ],
            "sequencesNotStarted": [
                {"sequence": "Welcome", "sequenceId": "0" * 32, "reason": "entered_before"}
            ],
        },
    )  # fmt: skip
    factories.OutgoingEmailFactory.create(
        subscriber=person, subject="News", skipped=True, reason="mail_cap",
        created_at=datetime(2025, 3, 2, 22, tzinfo=UTC),
    )  # fmt: skip

    page = page_of(admin_client, person)

    assert page.index("<h3>3 March 2025</h3>") < page.index("trial_started")
    assert "plan team" in page
    assert f'{rule}</a>” added <span class="cueline-item">trial</span>' in page
    assert "started <a" in page
    assert "did not start Welcome: people enter it once" in page
    assert ">00:30</time>" in page
    assert page.index("trial_started") < page.index("<h3>2 March 2025</h3>")
    assert "as many mails as the workspace allows" in page


def test_a_viewer_without_the_right_to_see_mails_does_not_see_them(
    client: Client, db: None
) -> None:
    person = make_person()
    factories.OutgoingEmailFactory.create(subscriber=person, subject="Secret news")
    factories.EventFactory.create(subscriber=person, definition__name="secret_event")
    sign_in_with(client, "view_subscriber")

    page = page_of(client, person)
    by_hand = page_of(client, person, "?show=mail")

    for hidden in ("Secret news", "secret_event", "All mails", "?show=mail", "Next mail", "More"):
        assert hidden not in page
    assert "Secret news" not in by_hand
    assert "?show=changes" in page


@pytest.mark.parametrize("query", ["?show=nothing", "?after=x", "?after=1.2.3", "?show=%00&after="])
def test_an_address_made_by_hand_shows_a_page(admin_client: Client, query: str) -> None:
    page_of(admin_client, make_person(), query)


def test_the_filters_and_the_older_lines_are_links(admin_client: Client) -> None:
    person = make_person()
    for number in range(60):
        factories.EventFactory.create(subscriber=person, definition__name=f"event {number:02}")

    newest = page_of(admin_client, person, "?show=events")
    older = newest.split('<a href="?show=events&amp;after=')[1].split('"')[0]
    rest = page_of(admin_client, person, f"?show=events&after={older}")

    assert ">event 10</a>" in newest
    assert ">event 09</a>" not in newest
    assert ">event 09</a>" in rest
    assert ">event 10</a>" not in rest
    assert 'href="?show=events">Newest' in rest


def test_hostile_texts_stay_texts(admin_client: Client) -> None:
    person = make_person(
        first_name=XSS, last_name=XSS, external_id=XSS, attributes={XSS: XSS}, timezone=XSS
    )
    factories.EventFactory.create(
        subscriber=person, definition__name=XSS, properties={XSS: XSS},
        effects={
            "tagsAdded": [{"tag": XSS, "tagId": "0" * 32, "rule": "0" * 32}],
            "sequencesNotStarted": [{"sequence": XSS, "sequenceId": "0" * 32, "reason": XSS}],
            "failedStages": [{"stage": XSS, "error": XSS}],
        },
    )  # fmt: skip
    factories.OutgoingEmailFactory.create(
        subscriber=person, subject=XSS, status=OutgoingEmail.Status.FAILED, last_error=XSS
    )
    factories.ConsentRecordFactory.create(subscriber=person, user_agent=XSS, reason=XSS, actor=XSS)
    factories.SubscriberTagFactory.create(subscriber=person, tag__name=XSS)
    factories.ListMembershipFactory.create(subscriber=person, list__name=XSS)

    page = page_of(admin_client, person)

    assert XSS not in page
    assert page.count("&lt;script&gt;alert(1)") > 12


def test_the_page_costs_the_same_with_many_rows(admin_client: Client) -> None:
    person = make_person()

    def statements() -> int:
        page_of(admin_client, person)
        with CaptureQueriesContext(connection) as queries:
            page_of(admin_client, person)
        assert not [each for each in queries if "COUNT(" in each["sql"].upper()]
        return len(queries)

    def live() -> None:
        rule = factories.SyncRuleFactory.create(workspace=person.workspace)
        changes = [{"tag": "x", "tagId": "0" * 32, "rule": rule.pk.hex}]
        factories.EventFactory.create(subscriber=person, effects={"tagsAdded": changes})
        run = factories.StepRunFactory.create(
            enrollment__subscriber=person, enrollment__version__workspace=person.workspace,
            outcome={"event": "0" * 32},
        )  # fmt: skip
        cause = f"step:{run.enrollment.pk.hex}:{run.step.pk.hex}:1"
        factories.OutgoingEmailFactory.create(subscriber=person, cause=cause)
        factories.SubscriberTagFactory.create(subscriber=person)
        factories.ListMembershipFactory.create(subscriber=person)
        factories.ConsentRecordFactory.create(subscriber=person)

    live()
    few = statements()
    for _ in range(4):
        live()

    assert statements() == few <= 32


def test_a_mail_server_that_is_away_is_named_with_its_time(admin_client: Client) -> None:
    person = make_person()
    factories.MailFlowFactory.create(
        workspace=person.workspace, server=flow.server_name(), kind=MailFlow.Kind.SERVER_AWAY,
        failing_since=NOON, error="refused",
    )  # fmt: skip

    page = page_of(admin_client, person)

    assert "Not now:</strong> no mail has left by" in page
    assert ">2026-11-24 13:00:00 CET</time>: " in page
    assert "<strong>Yes.</strong>" not in page


def test_a_restored_copy_says_that_it_sends_nothing(admin_client: Client) -> None:
    person = make_person()
    Installation.objects.update_or_create(pk=1, defaults={"on_hold_since": NOON})

    page = page_of(admin_client, person)

    assert "it sends nothing since <time" in page
    assert "<strong>Yes.</strong>" not in page
