"""The known word that an unknown one means."""

import pytest

from subscribers.wire.nearest import did_you_mean, nearest

OF_EVENT = ("name", "properties", "occurredAt", "eventId")
OF_SEQUENCE = ("key", "stopCondition", "enrollmentMode", "sendingWindow", "onTimeout", "replyTo")


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("timestamp", OF_EVENT, "occurredAt"),
        ("occurred_at", OF_EVENT, "occurredAt"),
        ("time", OF_EVENT, "occurredAt"),
        ("messageId", OF_EVENT, "eventId"),
        ("id", OF_EVENT, "eventId"),
        ("event", OF_EVENT, "name"),
        ("user_id", ("email", "externalId"), "externalId"),
        ("dry_run", ("dryRun",), "dryRun"),
        ("stop_condition", OF_SEQUENCE, "stopCondition"),
        ("stopConditions", OF_SEQUENCE, "stopCondition"),
        ("enrolmentMode", OF_SEQUENCE, "enrollmentMode"),
        ("sendingWindows", OF_SEQUENCE, "sendingWindow"),
        ("on_timeout", OF_SEQUENCE, "onTimeout"),
        ("replyto", OF_SEQUENCE, "replyTo"),
        ("cc", OF_SEQUENCE, None),
        ("", OF_EVENT, None),
        ("time" * 100_000, OF_EVENT, None),
    ],
)
def test_the_nearest_word_is_found_or_none_is(
    word: str, known: tuple[str, ...], meant: str | None
) -> None:
    assert nearest(word, known) == meant


def test_the_hint_names_the_word_or_is_empty() -> None:
    assert did_you_mean("timestamp", OF_EVENT) == "; did you mean occurredAt?"
    assert did_you_mean("cc", OF_EVENT) == ""
