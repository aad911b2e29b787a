"""What was lost, a sentence for each step and reason."""

from config.readable import moment
from events.services.enrollments.retrying import Loss
from events.wording.reasons import reason_in_words


def in_words(loss: Loss) -> str:
    """Return such as `Welcome: 214 failed since 09:12 in step 2: its template … (Line 2: …)`."""
    count = f"{'at least ' if loss.is_at_least else ''}{loss.count:,}"
    error = f" ({loss.error})" if loss.error else ""
    return (
        f"{loss.sequence.name}: {count} failed since {moment(loss.since)} in step "
        f"{loss.step_position + 1}: {reason_in_words(loss.reason)}{error}"
    )
