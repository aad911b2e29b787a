"""A long batch makes room for more urgent work."""

from datetime import timedelta

import pytest
from django.core import mail

from events.models import Enrollment
from events.services import engine
from events.services.engine import advancing, claiming
from subscribers.models import Workspace
from tests import factories
from tests.support.engine_running import begin
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db


def test_what_is_not_begun_is_given_back_for_something_more_urgent(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advancing, "SECONDS_BETWEEN_LOOKS", 0.0)
    sequence = make_sequence(workspace, MAIL, {"type": "delay", "days": 1})
    for _ in range(5):
        begin(sequence, factories.SubscriberFactory.create(workspace=workspace))
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)
    lanes: list[Enrollment.Lane] = []

    def must_yield(lane: Enrollment.Lane) -> bool:
        lanes.append(lane)
        return len(lanes) > 2

    engine.advance(token=batch.token, ids=batch.ids, clock=lambda: NOON, must_yield=must_yield)

    assert set(lanes) == {Enrollment.Lane.MARKETING}
    assert len(mail.outbox) == 2
    due = Enrollment.objects.filter(due_at__lte=NOON + timedelta(hours=1))
    assert due.filter(lease_token=None, attempts=0).count() == 3
