"""What a run's mail is sent for, as its row says it: `step:RUN:STEP:VISIT`, ids in hex digits."""

from uuid import UUID

from events.models import Enrollment

PREFIX = "step:"


def of_run(row: Enrollment) -> str:
    """Return what a mail of the run as it stands is for: this visit of its step."""
    step_id = row.step_id
    return f"{PREFIX}{row.pk.hex}:{step_id.hex if step_id else ''}:{row.visit}"


def run_of(cause: str) -> UUID:
    """Return the id of the run that a mail of a step belongs to."""
    return UUID(cause.split(":")[1])
