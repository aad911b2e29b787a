"""Warnings about waits: for dates that send at once, and for events that may come before."""

from collections.abc import Iterator

from events.language.specs import SequenceSpec
from events.language.steps import DelayStep, EmailStep, WaitForEventStep
from events.language.timing import UntilDate


def sends_at_once(spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning for each wait after which a past or missing date sends a mail at once."""
    for step, following in zip(spec.steps, spec.steps[1:], strict=False):
        delay = step.delay if isinstance(step, DelayStep) else None
        if not isinstance(delay, UntilDate) or not isinstance(following, EmailStep):
            continue
        # An anniversary is always to come.
        is_sent_past = delay.past_action == "continue" and not delay.anniversary
        kinds = {"missingAction": delay.missing_action == "continue", "pastAction": is_sent_past}
        if names := [name for name, is_sent in kinds.items() if is_sent]:
            whose = {"missingAction": "without", "pastAction": "after"}
            people = " or ".join(whose[name] for name in names)
            yield (
                f"People {people} the date {delay.field} get the mail {following.id} at once: "
                f"{' and '.join(names)} of {step.id} may say skip or exit."
            )


def come_before(spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning for each awaited event that may come while an earlier step waits.

    Not where an earlier step asks for that event.
    """
    has_waited = False
    asked: set[str] = set()
    for step in spec.steps:
        if isinstance(step, WaitForEventStep) and has_waited and step.event_name not in asked:
            yield (
                f"An event {step.event_name} that comes before the step {step.id} begins does not "
                "count for it: put a condition with did_event before the wait."
            )
        has_waited = has_waited or step.is_wait
        asked.update(step.event_names)
