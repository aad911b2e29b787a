"""People who are asked to confirm, as the product asks them."""

import re
from datetime import datetime

from subscribers.models import Confirmation, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import confirmations
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from tests import factories
from tests.support.sequence_making import NOON

_LINK = re.compile(r"/c/([0-9A-Za-z._-]+)")


def make_pending(
    workspace: Workspace, email: str = "ada@example.com", **columns: object
) -> Subscriber:
    """Return somebody who has not confirmed, and was not asked yet."""
    return factories.SubscriberFactory.create(
        workspace=workspace, email=email, status=Subscriber.Status.PENDING, **columns
    )


def ask(
    person: Subscriber, *, now: datetime = NOON, circumstances: Circumstances = NOTHING_KNOWN
) -> confirmations.Asked:
    """Ask somebody, as a page or a hand does."""
    return confirmations.ask_by_id(subscriber_id=person.pk, circumstances=circumstances, now=now)


def question_of(person: Subscriber) -> Confirmation:
    """Return somebody's latest question."""
    question = person.confirmations.order_by("-id").first()
    assert question is not None
    return question


def confirm(person: Subscriber, *, now: datetime = NOON, method: str = "button") -> bool:
    """Answer somebody's latest question."""
    return confirmations.confirm(
        confirmation=question_of(person), method=method, circumstances=NOTHING_KNOWN, now=now
    )


def token_in(email: OutgoingEmail) -> str:
    """Return what the link of a confirmation mail ends with."""
    found = _LINK.search(email.text)
    assert found is not None
    return found[1]
