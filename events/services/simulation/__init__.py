"""The simulation: what a sequence would do for one person; nothing is written.

Knows the engine, whose walk it uses, and the services that decide who enters.
"""

from events.services.simulation.entries import AssumedEvent, Entry
from events.services.simulation.paths import MOST_VISITS, Awaited, Ending, Visit
from events.services.simulation.simulating import Simulation, simulate

__all__ = [
    "MOST_VISITS", "AssumedEvent", "Awaited", "Ending", "Entry", "Simulation", "Visit", "simulate",
]  # fmt: skip
