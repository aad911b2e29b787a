"""Where people have to confirm, both ways of the write path give the same answers and rows."""

import random
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.workspaces import workspaces
from tests.events.services.ingestion.fast_path.test_two_paths import (
    NOON,
    SEEDS,
    make_application,
    random_request,
    rows_of,
    without_ids,
)
from tests.support.asking_people import confirm
from tests.support.calling import BULK


def consent_of(workspace: Workspace) -> dict[str, Any]:
    """Return every row that asking people makes, without ids."""
    ours = {"workspace": workspace}
    return {
        "mails": list(
            OutgoingEmail.objects.filter(**ours)
            .order_by("id")
            .values_list("recipient", "status", "reason", "due_at", "subject")
        ),
        "questions": sorted(
            Confirmation.objects.filter(**ours).values_list(
                "subscriber__email", "mails", "asked_at", "confirmed_at", "closed_at"
            ),
            key=repr,
        ),
        "ledger": list(
            ConsentRecord.objects.filter(**ours).order_by("id").values_list("kind", "at")
        ),
    }


@pytest.mark.parametrize("seed", range(SEEDS))
def test_both_paths_ask_alike(db: None, seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - cases, no secrets
    fast, reference = make_application("same"), make_application("reference")
    Workspace.objects.update(name="Same", from_email="news@example.com")
    fast_ids: dict[str, str] = {}
    reference_ids: dict[str, str] = {}

    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(40):
            clock.shift(timedelta(hours=choose.choice([0, 1, 30])))
            if number % 10 == 0:
                is_asked = number % 20 == 0
                for workspace in Workspace.objects.all():
                    workspace.double_opt_in = is_asked
                    workspaces.save(changed=workspace)
            if choose.random() < 0.15:
                now = NOON + timedelta(hours=number)
                for person in Subscriber.objects.filter(
                    status="pending", confirmations__isnull=False
                ):
                    confirm(person, now=now)
            if choose.random() < 0.2:
                leaves = f"p{choose.randrange(3)}@example.com"
                for person in Subscriber.objects.filter(email_key=leaves):
                    unsubscribing.leave(
                        subscriber_ids=[person.pk], now=NOON, method=UnsubscribeMethod.PAGE
                    )
            body = random_request(choose)
            reply = fast.post(BULK, body)
            key = {"Idempotency-Key": f"request-{number}"}
            expected = reference.post(BULK, body, headers=key)

            assert without_ids(reply, fast_ids) == without_ids(expected, reference_ids), body

    assert rows_of(fast.workspace) == rows_of(reference.workspace)
    assert consent_of(fast.workspace) == consent_of(reference.workspace)
    assert Confirmation.objects.exists()
