"""Links to confirm by: whose they are, how long they hold, and what forged ones are."""

from datetime import timedelta

import pytest
from django.core import signing
from pytest_django.fixtures import Settings

from subscribers.models import Confirmation, Subscriber, Workspace
from subscribers.services.consent import confirmations, links, suppressions, unsubscribing
from subscribers.services.consent.links import GOOD_FOR, LinkState
from subscribers.wire import link_tokens
from tests import factories
from tests.support.asking_people import make_pending
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def question(workspace: Workspace) -> Confirmation:
    person = make_pending(workspace)
    return factories.ConfirmationFactory.create(subscriber=person)


def test_a_link_is_good_for_seven_days(question: Confirmation, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://mail.example.com"

    link = confirmations.link(question, NOON)

    start, token = link.rsplit("/", 1)
    assert start == "https://mail.example.com/c"
    found = confirmations.read_link(token, NOON + GOOD_FOR)
    assert (found.state, found.confirmation) == (LinkState.OPEN, question)
    later = confirmations.read_link(token, NOON + GOOD_FOR + SECOND)
    assert (later.state, later.confirmation) == (LinkState.EXPIRED, question)


@pytest.mark.parametrize(
    ("columns", "status", "state"),
    [
        ({}, "pending", LinkState.OPEN),
        ({}, "unsubscribed", LinkState.OPEN),
        ({"closed_at": NOON}, "pending", LinkState.EXPIRED),
        ({"closed_at": NOON, "confirmed_at": NOON}, "unsubscribed", LinkState.USED),
        ({}, "active", LinkState.USED),
        ({}, "bounced", LinkState.EXPIRED),
    ],
)
def test_a_link_is_good_until_its_question_is_closed(
    question: Confirmation, columns: dict[str, object], status: str, state: LinkState
) -> None:
    token = links.token(question, NOON)
    Confirmation.objects.update(**columns)
    Subscriber.objects.update(status=status)

    found = confirmations.read_link(token, NOON)

    assert found.state is state


def test_what_is_not_ours_is_unknown(question: Confirmation) -> None:
    token = links.token(question, NOON)
    head, _, signature = token.rpartition(".")
    stranger = factories.ConfirmationFactory.create()
    forged = [
        "", ".", "x", "é", "\ud800", "a" * 10_000, head, token[:-1], token + "x", token.upper(),
        f"{stranger.pk.hex}.{head.partition('.')[2]}.{signature}",
        # Without the person's own secret the key of the installation makes no link.
        signing.Signer(salt=links.SALT, sep=".").sign("nonsense"),
        signing.Signer(salt=links.SALT, sep=".").sign(f"{head[:-1]}!"),
        links.token(
            Confirmation(pk=question.pk, subscriber=stranger.subscriber), NOON
        ),
    ]  # fmt: skip

    states = {confirmations.read_link(each, NOON).state for each in forged}

    assert states == {LinkState.UNKNOWN}


@pytest.mark.parametrize(
    "signer",
    [
        signing.Signer(salt="another purpose", sep="."),
        signing.Signer(key="another key", salt=links.SALT, sep="."),
    ],
)
def test_a_signature_that_is_not_the_key_s_own_confirms_nobody(
    question: Confirmation, signer: signing.Signer
) -> None:
    head = links.token(question, NOON).rpartition(".")[0]

    found = confirmations.read_link(signer.sign(head), NOON)

    assert found.state is LinkState.EXPIRED


def test_the_link_of_somebody_who_was_deleted_is_unknown(question: Confirmation) -> None:
    token = links.token(question, NOON)
    question.subscriber.delete()

    found = confirmations.read_link(token, NOON)

    assert (found.state, found.confirmation) == (LinkState.UNKNOWN, None)


def test_another_secret_key_ends_open_links_whose_owners_are_known_still_and_nothing_else(
    question: Confirmation, settings: Settings
) -> None:
    token = links.token(question, NOON)
    person, other = question.subscriber, make_pending(question.workspace, "gone@example.com")
    to_leave = unsubscribing.link_token(person)
    suppressions.suppress(
        workspace=question.workspace,
        address=other.email,
        reason=suppressions.Reason.MANUAL,
        source=suppressions.SuppressionSource.ADMIN,
        now=NOON,
    )

    settings.SECRET_KEY = "rotated " * 8

    found = confirmations.read_link(token, NOON)
    assert (found.state, found.confirmation) == (LinkState.EXPIRED, question)
    unsubscribing.leave_by_link(
        token=to_leave, now=NOON, method=unsubscribing.UnsubscribeMethod.PAGE
    )
    person.refresh_from_db()
    assert person.status == "unsubscribed"
    assert suppressions.is_suppressed(workspace=question.workspace, email_key=other.email_key)


def test_links_of_one_question_in_a_text_are_signed_anew(question: Confirmation) -> None:
    stranger = factories.ConfirmationFactory.create()
    old, strange = (links.token(each, NOON) for each in (question, stranger))
    text = f"Here: /c/{old}. Or /c/{old}-there, not /c/{strange}"

    renewed = links.with_fresh_links(text, confirmation=question, now=NOON + GOOD_FOR)

    fresh = links.token(question, NOON + GOOD_FOR)
    assert renewed == f"Here: /c/{fresh}. Or /c/{fresh}-there, not /c/{strange}"
    assert link_tokens.without_confirmation(text) == "Here: /c/. Or /c/-there, not /c/"
