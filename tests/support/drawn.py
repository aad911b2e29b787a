"""What property tests draw: delays, sending windows and whole sequences of steps."""

from typing import Any

from hypothesis import strategies as st

from events.language.filters import Filter, Operator
from events.language.steps import (
    AttributeRule,
    Branch,
    ConditionStep,
    DelayStep,
    EmailStep,
    EventPropertyRule,
    EventRule,
    ExitStep,
    ListRule,
    SplitStep,
    Step,
    TagRule,
    UpdateListStep,
    UpdateSubscriberStep,
    UpdateTagsStep,
    WaitForEventStep,
    WebhookStep,
)
from events.language.timing import Duration, SendingWindow, UntilDate, UntilWeekday

DAY = 86_400_000
MINUTE = 60_000
LIST_ID = "lst_" + "0" * 31 + "1"
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ZONES = (
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC",
    "Pacific/Apia", "America/Sao_Paulo",
)  # fmt: skip
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
DAY_SETS = st.lists(st.sampled_from(WEEK), min_size=1, unique=True).map(
    lambda chosen: tuple(day for day in WEEK if day in chosen)
)
HOURS: dict[str, Any] = {
    "days": DAY_SETS,
    "start": TIMES,
    "end": TIMES,
    "timezone": st.sampled_from(["", "workspace", *ZONES]),
}
WINDOWS = st.builds(SendingWindow, **HOURS)
LENGTHS = st.integers(0, 365 * DAY) | st.integers(0, 365 * 24 * 60).map(lambda n: n * 60_000)
DURATIONS = st.builds(Duration, LENGTHS) | st.builds(
    Duration, st.integers(0, DAY), days=st.integers(0, 364)
)
ACTIONS = st.sampled_from(["continue", "skip", "exit"])
DELAYS = (
    DURATIONS
    | st.builds(UntilWeekday, **HOURS | {"end": TIMES | st.just("")})
    | st.builds(
        UntilDate,
        field=st.sampled_from(["at", "order.items[].at"]),
        source=st.sampled_from(["event", "subscriber"]),
        offset_milliseconds=LENGTHS | LENGTHS.map(lambda n: -n),
        anniversary=st.booleans(),
        missing_action=ACTIONS,
        past_action=ACTIONS,
    )
    | st.builds(UntilDate, field=st.just("at"), offset_days=st.integers(-365, 365))
)


NAMES = (
    st.text("abcdefghij-_ äß0", min_size=1, max_size=12)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
TAGS = st.lists(st.sampled_from(["vip", "lead", "neu-ß", "a1"]), unique=True, max_size=2).map(tuple)
SCALARS = (
    st.text("abc ", max_size=5)
    | st.integers(-(2**70), 2**70)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
)
FILTERS = (
    st.builds(Filter, NAMES, st.sampled_from([Operator.EQUALS, Operator.NOT_EQUALS]), SCALARS)
    | st.builds(Filter, NAMES, st.sampled_from([Operator.EXISTS, Operator.NOT_EXISTS]))
    | st.builds(
        Filter, NAMES, st.just(Operator.ONE_OF), st.lists(NAMES, min_size=1, unique=True).map(tuple)
    )
)
SEVERAL_FILTERS = st.lists(FILTERS, max_size=2).map(tuple)
RULES = (
    st.builds(TagRule, tag=st.just("vip"), is_present=st.booleans())
    | st.builds(ListRule, list=NAMES, is_joined=st.booleans())
    | st.builds(AttributeRule, filter=FILTERS)
    | st.builds(EventPropertyRule, filter=FILTERS)
    | st.builds(
        EventRule,
        event_name=NAMES,
        filters=SEVERAL_FILTERS,
        since=st.sampled_from(["entry", "ever"]),
        has_happened=st.booleans(),
    )
)
ATTRIBUTES = st.dictionaries(NAMES, st.none() | SCALARS | st.lists(SCALARS, max_size=2), min_size=1)
OWN: dict[type[Any], dict[str, Any]] = {
    EmailStep: {
        "subject": NAMES,
        "preview_text": st.just("") | NAMES,
        "html": st.sampled_from(["<p>\n", " x "]),
        "body_format": st.sampled_from(["html", "markdown"]),
        "use_layout": st.booleans(),
        "text": st.just("") | st.just("a\n\tb\n"),
        "is_transactional": st.booleans(),
        "respect_window": st.booleans(),
    },
    DelayStep: {"delay": DELAYS},
    WaitForEventStep: {
        "event_name": NAMES,
        "filters": SEVERAL_FILTERS,
        "timeout": st.builds(Duration, st.integers(MINUTE, 365 * DAY)) | st.just(Duration(days=7)),
        "on_timeout": st.sampled_from(["continue", "exit"]),
    },
    ConditionStep: {
        "rules": st.lists(RULES, min_size=1, max_size=3).map(tuple),
        "match": st.sampled_from(["all", "any"]),
        "on_false": st.sampled_from(["exit", "last"]),
    },
    SplitStep: {
        "branches": st.lists(
            st.builds(
                Branch,
                id=st.uuids().map(str),
                weight=st.integers(1, 1000),
                next=st.sampled_from(["exit", "last"]),
            ),
            min_size=2,
            max_size=3,
        ).map(tuple)
    },
    UpdateTagsStep: {"add": TAGS, "remove": st.just(("gone",))},
    UpdateListStep: {"join": st.just((LIST_ID,)), "leave": st.just(()) | st.just(("News",))},
    UpdateSubscriberStep: {
        "first_name": st.none() | st.just("") | NAMES,
        "last_name": st.none() | st.just("") | NAMES,
        "status": st.sampled_from([None, "active", "unsubscribed"]),
        "attributes": ATTRIBUTES,
    },
    WebhookStep: {
        "url": st.just("https://example.com/in?x=1"),
        "on_error": st.sampled_from(["fail", "continue", "exit"]),
    },
    ExitStep: {},
}


@st.composite
def sequences(draw: st.DrawFn) -> tuple[Step, ...]:
    """Draw the steps of a sequence; the last one has the id `last`."""
    kinds = draw(st.lists(st.sampled_from(list(OWN)), max_size=6))
    found: list[Any] = [
        draw(
            st.builds(
                kind,
                id=st.just(f"s_{number}"),
                label=st.just("") | NAMES,
                next=st.sampled_from(["", "exit", "last"]) if kind.has_next else st.just(""),
                **OWN[kind],
            )
        )
        for number, kind in enumerate(kinds)
    ]
    return (*found, ExitStep(id="last"))
