"""Backtests: a sequence against recorded events, by the engine's decisions and a moving clock.

Nothing is sent and no person changes. Knows the simulation, whose walk it uses, and the services
that decide who enters.
"""

from events.services.backtests.runs import (
    MOST_DAYS,
    MOST_KEPT,
    NotTestable,
    StillRunning,
    cancel,
    carry_on,
    obstacle,
    purge,
    request,
)

__all__ = [
    "MOST_DAYS", "MOST_KEPT", "NotTestable", "StillRunning", "cancel", "carry_on", "obstacle",
    "purge", "request",
]  # fmt: skip
