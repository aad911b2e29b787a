"""Simulations made while the database refuses every write."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from events.models import Sequence
from events.services import simulation as simulating
from events.services.simulation import AssumedEvent, Awaited, Simulation
from subscribers.wire import addresses
from tests.support.reading_only import reading_only
from tests.support.sequence_making import NOON


def simulate(
    sequence: Sequence,
    email: str = "ada@example.com",
    *,
    event: str = "",
    properties: Mapping[str, Any] | None = None,
    awaited: Awaited = Awaited.TIMEOUT,
    now: datetime = NOON,
    most: int = simulating.MOST_VISITS,
) -> Simulation:
    """Return what would happen; `properties` alone are those of the event `signup`."""
    happening = None
    if event or properties is not None:
        happening = AssumedEvent(name=event or "signup", properties=properties or {})
    with reading_only():
        return simulating.simulate(
            sequence=sequence,
            address=addresses.parse(email),
            now=now,
            happening=happening,
            awaited=awaited,
            most_visits=most,
        )


def outcomes(simulation: Simulation) -> list[Mapping[str, Any]]:
    """Return what each step came to, in order."""
    return [visit.outcome for visit in simulation.path.visits]


def subjects(simulation: Simulation) -> list[str]:
    """Return the subjects of the mails, those left out too, in order."""
    return [visit.mail.subject for visit in simulation.path.visits if visit.mail]
