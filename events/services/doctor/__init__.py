"""The doctor's checks of settings, database, worker, mail and stored rows; none writes.

A check is a function that returns findings. May read every model and setting, and call the other
services; `wording.doctor` has the sentences around the findings.
"""

from events.services.doctor.examination import (
    DATA_CHECKS,
    SURROUNDINGS,
    WITHOUT_DATABASE,
    WITHOUT_TABLES,
    Report,
    examine,
    is_reachable,
)

__all__ = [
    "DATA_CHECKS", "SURROUNDINGS", "WITHOUT_DATABASE", "WITHOUT_TABLES", "Report", "examine",
    "is_reachable",
]  # fmt: skip
