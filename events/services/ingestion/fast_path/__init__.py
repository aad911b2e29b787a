"""Records most requests with few statements, and refuses the others.

Answers and rows are those of the reference path (`ingest`), which records what this room refuses.
May know decisions, `configuration`, `planning` and `enrollments`; only `ingestion` and `history`
call it, through this door. See .github/decisions/two-paths.md.
"""

from events.services.ingestion.fast_path.attempt import record
from events.services.ingestion.fast_path.work import PlannedIds, Refusal, StoredEvents, plan_ids

__all__ = ["PlannedIds", "Refusal", "StoredEvents", "plan_ids", "record"]
