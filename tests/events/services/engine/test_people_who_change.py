"""People who are erased, merged or given another address while their mail is about to leave."""

from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from events.models import Enrollment, Sequence
from events.services import engine
from events.services.engine import claiming
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.consent.ledger import NOTHING_KNOWN
from subscribers.services.people import changing_address, erasing, merging
from tests import factories
from tests.support.beside import beside
from tests.support.engine_running import enrollment_of
from tests.support.searching import rows_with
from tests.support.sequence_making import NOON
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def is_patient(server: SmtpServer, settings: Settings) -> None:
    """The changes may take longer than the other tests' mail server is given."""
    settings.EMAIL_TIMEOUT = 20


def while_the_first_mail_leaves(
    server: SmtpServer, travel: TimeTravel, change: Callable[[], object]
) -> None:
    """Claim all enrollments, and change something while the server has the first mail."""
    hold = server.hold(Stage.MESSAGE)
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)
    with beside(lambda: engine.advance(token=batch.token, ids=batch.ids, clock=travel.clock)):
        hold.wait_until_reached()
        change()
        hold.release()
    travel.tick()


def test_a_mail_that_was_claimed_for_the_old_address_goes_to_the_new_one(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel
) -> None:
    _, second = enrollment_of(sequence, "ada"), enrollment_of(sequence, "bob")

    while_the_first_mail_leaves(
        server,
        travel,
        lambda: changing_address.change(
            subscriber_id=second.subscriber_id,
            address="bob@new.example",
            circumstances=NOTHING_KNOWN,
            now=NOON,
        ),
    )

    second.refresh_from_db()
    assert server.recipients == ["ada@example.com", "bob@new.example"]
    assert second.status == Enrollment.Status.COMPLETED


def test_nothing_is_recorded_of_somebody_erased_while_their_mail_leaves(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel
) -> None:
    people = [enrollment_of(sequence, name).subscriber_id for name in ("ada", "bob")]

    def erase_both() -> None:
        for each in people:
            erasing.erase(subscriber_id=each, circumstances=NOTHING_KNOWN, now=NOON)

    while_the_first_mail_leaves(server, travel, erase_both)

    assert server.recipients == ["ada@example.com"]
    assert rows_with("ada@example.com") == rows_with("bob@example.com") == []
    assert not OutgoingEmail.objects.exists()


def test_somebody_merged_while_their_mail_leaves_gets_it_once(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel
) -> None:
    enrollment = enrollment_of(sequence, "ada")
    kept = factories.SubscriberFactory.create(workspace=sequence.workspace)

    while_the_first_mail_leaves(
        server,
        travel,
        lambda: merging.merge(
            kept_id=kept.pk,
            gone_id=enrollment.subscriber_id,
            attributes_bytes=1000,
            circumstances=NOTHING_KNOWN,
            now=NOON,
        ),
    )

    enrollment.refresh_from_db()
    assert server.recipients == ["ada@example.com"]
    assert (enrollment.status, enrollment.subscriber) == (Enrollment.Status.COMPLETED, kept)
    assert OutgoingEmail.objects.get().status == "sent"
    assert Subscriber.objects.get() == kept
