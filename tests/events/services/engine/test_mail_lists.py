"""A sequence that belongs to a list: only members get its mail, and its links leave it alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from events.models import Enrollment, Sequence
from events.services.sequences import files, sequences
from subscribers.models import (
    ConsentRecord,
    List,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
    Workspace,
)
from subscribers.services.dispatch import returned
from subscribers.services.outbox import outbox
from tests import factories
from tests.support import returned_mail, simulations
from tests.support.engine_running import begin, outcomes
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
DAY = timedelta(days=1)
RECEIPT = {"type": "email", "subject": "Receipt", "text": ".", "isTransactional": True}
TIP = {"type": "email", "subject": "Tip", "text": "Leave: {{unsubscribeUrl}}"}
PAUSE = {"type": "delay", "days": 1}
SKIPPED = {"reason": "not_on_list"}
SENT = {"email": "sent"}


@pytest.fixture
def tips(workspace: Workspace, settings: Settings) -> List:
    settings.PUBLIC_URL = "https://mail.example.com"
    return factories.ListFactory.create(workspace=workspace, name="Product tips")


@pytest.fixture
def person(workspace: Workspace, tips: List) -> Subscriber:
    """Somebody active on two lists."""
    person = factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")
    news = factories.ListFactory.create(workspace=workspace, name="News")
    for each in (tips, news):
        factories.ListMembershipFactory.create(subscriber=person, list=each)
    return person


@pytest.fixture
def sequence(tips: List) -> Sequence:
    """Three mails of the list, the last one transactional, a day apart; then a tag."""
    tag = {"type": "update_tags", "add": ["done"]}
    steps = (TIP, PAUSE, {**MAIL, "subject": "Second"}, PAUSE, RECEIPT, tag)
    return make_sequence(tips.workspace, *steps, mailList="Product tips")


@pytest.fixture
def travel() -> TimeTravel:
    return TimeTravel(NOON)


def subjects() -> list[str]:
    return [str(each.subject) for each in mail.outbox]


def lists_of(person: Subscriber) -> set[str]:
    joined = person.memberships.filter(unsubscribed_at=None)
    return set(joined.values_list("list__name", flat=True))


def test_one_click_in_a_list_s_mail_leaves_that_list_alone_and_steps_go_on(
    sequence: Sequence, person: Subscriber, tips: List, travel: TimeTravel, client: Client
) -> None:
    enrollment = begin(sequence, person)
    travel.tick()
    message = mail.outbox[0]
    url = message.extra_headers["List-Unsubscribe"].strip("<>")
    path = url.removeprefix("https://mail.example.com")

    answer = client.post(path, ONE_CLICK)
    travel.run_for(3 * DAY)

    enrollment.refresh_from_db()
    person.refresh_from_db()
    (line,) = ConsentRecord.objects.filter(kind="left_list")
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert path.endswith(f"/lst_{tips.pk.hex}")
    assert f"Leave: {url}" in message.body
    assert answer.status_code == 200
    assert (person.status, lists_of(person)) == ("active", {"News"})
    assert (line.list_name, line.method) == ("Product tips", "one_click")
    assert subjects() == ["Tip", "Receipt"]
    assert [each for each in outcomes(enrollment) if "email" in each or "reason" in each] == [
        SENT, SKIPPED, SENT,
    ]  # fmt: skip
    assert enrollment.status == Enrollment.Status.COMPLETED
    assert SubscriberTag.objects.filter(subscriber=person).count() == 1


def test_a_footer_leaves_the_list_too(
    sequence: Sequence, person: Subscriber, tips: List, travel: TimeTravel
) -> None:
    begin(sequence, person)

    travel.run_for(DAY)

    assert f"/lst_{tips.pk.hex}" in mail.outbox[1].body


def test_a_mail_to_unsubscribe_leaves_the_list_that_its_subject_names(
    sequence: Sequence,
    person: Subscriber,
    tips: List,
    travel: TimeTravel,
    settings: Settings,
) -> None:
    settings.UNSUBSCRIBE_MAILTO = returned_mail.UNSUBSCRIBE
    begin(sequence, person)
    travel.tick()
    mailto = mail.outbox[0].extra_headers["List-Unsubscribe"].split(", ")[1]
    written = returned_mail.plain(
        returned_mail.leaving_address_of(person), "", sender="ada@example.com"
    ).replace(b"failure notice", f"unsubscribe lst_{tips.pk.hex}".encode())

    is_taken = returned.take(content=written, now=NOON)

    person.refresh_from_db()
    assert mailto.endswith(f"?subject=unsubscribe%20lst_{tips.pk.hex}>")
    assert is_taken
    assert (person.status, lists_of(person)) == ("active", {"News"})


@pytest.mark.parametrize("was_member", [True, False])
def test_only_members_get_the_mail_and_the_simulation_says_so(
    sequence: Sequence, workspace: Workspace, tips: List, travel: TimeTravel, *, was_member: bool
) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")
    if was_member:
        factories.ListMembershipFactory.create(
            subscriber=person, list=tips, unsubscribed_at=NOON - DAY
        )
    simulated = simulations.outcomes(simulations.simulate(sequence))
    enrollment = begin(sequence, person)

    travel.run_for(3 * DAY)

    assert subjects() == ["Receipt"]
    assert outcomes(enrollment).count(SKIPPED) == 2
    assert [each for each in simulated if "reason" in each] == [SKIPPED, SKIPPED]


@pytest.mark.parametrize(("is_member", "ends_as"), [(True, "sent"), (False, "skipped")])
def test_a_mail_that_is_sent_again_goes_to_members_alone(
    sequence: Sequence, person: Subscriber, tips: List, travel: TimeTravel, *,
    is_member: bool, ends_as: str,
) -> None:  # fmt: skip
    begin(sequence, person)
    travel.tick()
    OutgoingEmail.objects.update(status="failed")
    if not is_member:
        person.memberships.filter(list=tips).update(unsubscribed_at=NOON)

    outbox.send_again(email=OutgoingEmail.objects.get(), now=NOON)
    travel.tick()

    email = OutgoingEmail.objects.get()
    assert (email.status, email.reason) == (ends_as, "" if is_member else "not_on_list")


def test_who_joins_again_gets_the_next_mail(
    sequence: Sequence, person: Subscriber, tips: List, travel: TimeTravel
) -> None:
    memberships = person.memberships.filter(list=tips)
    memberships.update(unsubscribed_at=NOON)
    begin(sequence, person)
    travel.tick()
    memberships.update(unsubscribed_at=None)

    travel.run_for(DAY)

    assert subjects() == ["Second"]


def test_a_deleted_list_lets_no_mail_leave_and_is_not_ready(
    sequence: Sequence, person: Subscriber, tips: List, travel: TimeTravel
) -> None:
    begin(sequence, person)
    tips.delete()

    travel.tick()

    assert mail.outbox == []
    assert sequences.readiness(sequence).problems == ("mailList names a list that is gone.",)


def test_a_file_names_the_list_and_a_change_of_it_is_a_version(
    sequence: Sequence, tips: List, person: Subscriber
) -> None:
    begin(sequence, person)
    (written,) = files.exported(workspace=tips.workspace)

    def change(**fields: Any) -> str:
        (imported,) = files.import_sequences(
            workspace=tips.workspace,
            elements=[{**written, **fields}],
            is_activating=False,
            now=NOON,
        )
        return imported.change

    assert written["mailList"] == "Product tips"
    assert change() == "unchanged"
    assert change(mailList=f"lst_{tips.pk.hex}") == "unchanged"
    assert change(mailList="News") == "new version"
    assert change(mailList=None) == "new version"


def test_a_list_that_cannot_be_left_alone_is_warned_of(sequence: Sequence, tips: List) -> None:
    tips.allow_member_unsubscribe = False
    tips.save()

    warnings = sequences.readiness(sequence).warnings

    assert any("cannot leave the list Product tips alone" in each for each in warnings)
