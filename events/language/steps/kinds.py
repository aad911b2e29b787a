"""One step of each kind as callers send it, without its place in the sequence.

Each parser takes the step's fields and what every step has, and keeps faults in the fields.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from events.egress import targets
from events.language import filters, timing
from events.language.fields import (
    Fields,
    optional_text_reader,
    read_flag,
    read_storable,
    text_reader,
    whole_number_reader,
)
from events.language.steps.attributes import read_attributes
from events.language.steps.rules import parse_rules, read_event_name, read_list_reference, read_tag
from events.language.steps.types import (
    DEFAULT_TIMEOUT,
    EXIT,
    LONGEST_ID,
    ConditionStep,
    DelayStep,
    EmailStep,
    ExitStep,
    Step,
    UpdateListStep,
    UpdateSubscriberStep,
    UpdateTagsStep,
    WaitForEventStep,
    WebhookStep,
)
from events.language.timing.delays import DAY
from subscribers.wire.payloads import LONGEST_NAME, Fault, InvalidField, InvalidRequest

LONGEST_SUBJECT = 998  # RFC 5322, 2.1.1: of a line.
MOST_CONTENT_BYTES = 512 * 1024
MOST_NAMES = 50
MOST_TIMEOUT_DAYS = 365
SHORTEST_TIMEOUT = 60_000  # milliseconds


class Base(NamedTuple):
    """What every step has."""

    id: str
    label: str


def _email(fields: Fields, base: Base) -> Step:
    if fields.is_given("blocks"):
        fields.fault("blocks", "is not supported: give the content as html or text.")
    html = fields.first_given("html", "body")
    step = EmailStep(
        id=base.id,
        label=base.label,
        subject=fields.read_needed("subject", text_reader(LONGEST_SUBJECT), ""),
        preview_text=fields.read("previewText", optional_text_reader(LONGEST_SUBJECT), ""),
        html=fields.read(html, _read_content, ""),
        text=fields.read("text", _read_content, ""),
        is_transactional=fields.read("isTransactional", read_flag, default=False),
    )
    is_wrong = {fields.path_of(name) for name in (html, "text", "blocks")}
    if not (step.html or step.text or is_wrong & {fault.path for fault in fields.faults}):
        fields.fault("html", "is missing: give html, text or both.")
    return step


def _delay(fields: Fields, base: Base) -> Step:
    nothing: timing.Delay = timing.Duration(0)
    delay = fields.collect(lambda: timing.parse_delay(fields.raw, path=fields.path), nothing)
    return DelayStep(id=base.id, label=base.label, delay=delay)


def _wait_for_event(fields: Fields, base: Base) -> Step:
    return WaitForEventStep(
        id=base.id,
        label=base.label,
        event_name=fields.read_needed("eventName", read_event_name, ""),
        filters=fields.read_nested("propertyFilters", filters.parse_filters, ()),
        timeout_milliseconds=fields.read_nested("timeout", _parse_timeout, DEFAULT_TIMEOUT),
        on_timeout=fields.read_choice("onTimeout", ("continue", "exit"), "continue"),
    )


def _condition(fields: Fields, base: Base) -> Step:
    return ConditionStep(
        id=base.id,
        label=base.label,
        rules=fields.read_nested("rules", parse_rules, ()),
        match=fields.read_choice("match", ("all", "any"), "all"),
        on_false=fields.read("onFalse", text_reader(LONGEST_ID), EXIT),
    )


def _update_tags(fields: Fields, base: Base) -> Step:
    add = fields.read_items("add", read_tag, most=MOST_NAMES)
    remove = fields.read_items("remove", read_tag, most=MOST_NAMES)
    _check_pair(fields, add=add, remove=remove)
    return UpdateTagsStep(id=base.id, label=base.label, add=add, remove=remove)


def _update_list(fields: Fields, base: Base) -> Step:
    join = fields.read_items("join", read_list_reference, most=MOST_NAMES)
    leave = fields.read_items("leave", read_list_reference, most=MOST_NAMES)
    _check_pair(fields, join=join, leave=leave)
    return UpdateListStep(id=base.id, label=base.label, join=join, leave=leave)


def _update_subscriber(fields: Fields, base: Base) -> Step:
    """Read the changes at the step's top or in its `config`."""
    inner = fields
    if fields.is_given("config"):
        inner = Fields(fields.raw["config"], path=fields.path_of("config"))
    name = optional_text_reader(LONGEST_NAME)
    step = UpdateSubscriberStep(
        id=base.id,
        label=base.label,
        first_name=inner.read("firstName", name, None),
        last_name=inner.read("lastName", name, None),
        status=inner.read_choice("status", ("active", "unsubscribed"), "") or None,
        attributes=read_attributes(inner),
    )
    if inner is not fields:
        fields.faults += inner.faults
    changes = (step.first_name, step.last_name, step.status, step.attributes or None)
    if not fields.faults and all(change is None for change in changes):
        message = "changes nothing: give firstName, lastName, status or attributes."
        fields.faults.append(Fault(fields.path, message))
    return step


def _webhook(fields: Fields, base: Base) -> Step:
    return WebhookStep(
        id=base.id,
        label=base.label,
        url=fields.read_needed("url", _read_url, ""),
        on_error=fields.read_choice("onError", ("fail", "continue", "exit"), "fail"),
    )


def _exit(_fields: Fields, base: Base) -> Step:
    return ExitStep(id=base.id, label=base.label)


KINDS: Mapping[str, Callable[[Fields, Base], Step]] = {
    "email": _email,
    "delay": _delay,
    "wait_for_event": _wait_for_event,
    "condition": _condition,
    "update_tags": _update_tags,
    "update_list": _update_list,
    "update_subscriber": _update_subscriber,
    "webhook": _webhook,
    "exit": _exit,
}


def _read_content(value: object) -> str:
    """Return html or text as it is, "" for a blank one."""
    content = read_storable(value)
    size = len(content.encode())
    if size > MOST_CONTENT_BYTES:
        raise InvalidField(f"has {size} bytes; at most {MOST_CONTENT_BYTES} are allowed.")
    return content if content.strip() else ""


def _parse_timeout(raw: object, *, path: str) -> int:
    """Return milliseconds; a number counts days."""
    if raw is None:
        return DEFAULT_TIMEOUT
    if not isinstance(raw, Mapping):
        try:
            return whole_number_reader(1, MOST_TIMEOUT_DAYS)(raw) * DAY
        except InvalidField as error:
            message = f"{str(error)[:-1]} (days), or an object with days, hours and minutes."
            raise InvalidRequest(Fault(path, message)) from error
    length = timing.parse_length(raw, path=path)
    if length < SHORTEST_TIMEOUT:
        raise InvalidRequest(Fault(path, "is too short: 1 minute to 365 days."))
    return length


def _check_pair(fields: Fields, **named: tuple[str, ...]) -> None:
    """Keep a fault when nothing is named, or something in both fields."""
    (one, some), (other, others) = named.items()
    if fields.faults:
        return
    if not some and not others:
        fields.faults.append(Fault(fields.path, f"changes nothing: give {one} or {other}."))
    for name in some:
        if name in others:
            fields.fault(other, f"names {name!r}, which is in {one} too.")


def _read_url(value: object) -> str:
    """Return a URL with https; whether its host may be called is decided when it is."""
    url = text_reader(targets.LONGEST_URL)(value)
    try:
        targets.check_url(url, allow_private=True)
    except targets.UnsafeAddress as error:
        raise InvalidField(error.problem) from error
    if not url.lower().startswith("https://"):
        raise InvalidField("must begin with https://.")
    return url
