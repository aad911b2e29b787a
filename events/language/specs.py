"""A sequence in the wire form and in files, checked and typed, and back again.

Names on the wire are the contract's ("Sequences on the wire"). The services check whether tags and
lists exist.
"""

import re
import unicodedata
from typing import Any, Literal

import msgspec

from events.language import entry, steps, timing
from events.language.fields import (
    Fields,
    name_reader,
    optional_text_reader,
    read_flag,
    read_storable,
    text_reader,
)
from events.language.given import recorded, unused
from events.language.placed_tags import check_template, has_tag, misplaced
from events.language.steps import Step
from events.language.timing import SendingWindow
from subscribers.wire.payloads import InvalidField, read_email, read_name

LONGEST_NAME = 200
LONGEST_REPLY_TO = 254
LONGEST_KEY = 100
LONGEST_LABEL = 100
LONGEST_DESCRIPTION = 2000
MOST_LABELS = 20
Mode = Literal["unlimited", "one_time", "matching_field", "restart"]
MODES = ("unlimited", "one_time", "matching_field", "restart")
_KEY = re.compile(r"\w[\w.-]*")


class SequenceSpec(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    key: str
    description: str = ""
    labels: tuple[str, ...] = ()
    trigger: entry.Trigger
    enrollment_mode: Mode = "unlimited"
    enrollment_field_path: str = ""
    stop_condition: entry.StopCondition | None = None
    sending_window: SendingWindow | None = None
    active_subscribers_only: bool = False
    runs_while_pending: bool = False
    # The list whose members get its mail, and which its links leave; empty: no list.
    mail_list: str = ""
    from_email: str = ""
    from_name: str = ""
    reply_to: str = ""
    steps: tuple[Step, ...] = ()


def key_from(name: str) -> str:
    """Return a key of a name's letters and digits, with hyphens; raises `InvalidField`."""
    folded = unicodedata.normalize("NFKC", name).lower()
    key = re.sub(r"[\W_]+", "-", folded).strip("-")[:LONGEST_KEY].strip("-")
    if not key:
        raise InvalidField("has no letter or digit to make a key of: give a key.")
    return key


def parse_sequence(raw: object, *, path: str = "") -> SequenceSpec:
    """Return the sequence; raises `InvalidRequest` with every fault found.

    A field that nothing reads is a fault, with the nearest known word. `path` comes before each
    fault's field, as `[2]` for the third of a file.
    """
    given = recorded(raw)
    fields = Fields(given, path=path)
    mode = fields.read_choice("enrollmentMode", MODES, "unlimited")
    spec = SequenceSpec(
        name=(name := fields.read_needed("name", name_reader(LONGEST_NAME), "")),
        key=_read_key(fields, name),
        description=fields.read("description", _read_description, ""),
        labels=fields.read_items("labels", text_reader(LONGEST_LABEL), most=MOST_LABELS),
        trigger=entry.read_trigger(fields),
        enrollment_mode=mode,
        enrollment_field_path=entry.read_field_path(fields, mode),
        stop_condition=entry.read_stop_condition(fields, mode),
        sending_window=fields.read_nested("sendingWindow", timing.parse_sending_window, None),
        active_subscribers_only=fields.read("activeSubscribersOnly", read_flag, default=False),
        runs_while_pending=fields.read("runsWhilePending", read_flag, default=False),
        mail_list=fields.read("mailList", optional_text_reader(LONGEST_NAME), ""),
        from_email=fields.read("fromEmail", _read_address, ""),
        from_name=fields.read("fromName", _read_sender, ""),
        reply_to=fields.read("replyTo", _read_reply_to, ""),
        steps=fields.read_nested("steps", steps.parse_steps, ()),
    )
    if spec.runs_while_pending and (number := _first_marketing(spec)) is not None:
        message = f"does not go with steps[{number}]: before the confirmation only transactional"
        fields.fault("runsWhilePending", f"{message} mail may leave.")
    fields.faults += [*unused(given, faults=fields.faults)]
    fields.faults += [*misplaced(given, path=path, faults=fields.faults)]
    fields.raise_faults()
    return spec


def as_wire(spec: SequenceSpec) -> dict[str, Any]:
    """Return the sequence as `parse_sequence` takes it, without defaults."""
    window, stop = spec.sending_window, spec.stop_condition
    parts = {
        "name": spec.name,
        "key": spec.key,
        "description": spec.description,
        "labels": list(spec.labels),
        **entry.trigger_as_wire(spec.trigger),
        "enrollmentMode": "" if spec.enrollment_mode == "unlimited" else spec.enrollment_mode,
        "enrollmentFieldPath": spec.enrollment_field_path,
        "stopCondition": stop and entry.stop_condition_as_wire(stop),
        "sendingWindow": window and timing.window_as_wire(window),
        "activeSubscribersOnly": spec.active_subscribers_only,
        "runsWhilePending": spec.runs_while_pending,
        "mailList": spec.mail_list,
        "fromEmail": spec.from_email,
        "fromName": spec.from_name,
        "replyTo": spec.reply_to,
        "steps": [step.as_wire() for step in spec.steps],
    }
    return entry.without_empty(parts)


def _first_marketing(spec: SequenceSpec) -> int | None:
    """Return the place of the first mail that is not transactional."""
    mails = enumerate(step.texts and not step.is_urgent for step in spec.steps)
    return next((number for number, is_marketing in mails if is_marketing), None)


def _read_key(fields: Fields, name: str) -> str:
    if fields.is_given("key"):
        return fields.read("key", _read_given_key, "")
    if not name:
        return ""
    try:
        return key_from(name)
    except InvalidField as error:
        fields.fault("name", str(error))
        return ""


def _read_given_key(value: object) -> str:
    key = unicodedata.normalize("NFC", read_name(value, longest=LONGEST_KEY))
    if not _KEY.fullmatch(key) or len(key) > LONGEST_KEY:
        raise InvalidField(
            f"must be 1-{LONGEST_KEY} letters, digits, underscores, hyphens or dots, "
            "the first a letter, digit or underscore."
        )
    return key


def _read_description(value: object) -> str:
    text = read_storable(value).strip()
    if len(text) > LONGEST_DESCRIPTION:
        message = f"has {len(text)} characters; at most {LONGEST_DESCRIPTION} are allowed."
        raise InvalidField(message)
    return text


def _read_sender(value: object) -> str:
    return check_template(optional_text_reader(LONGEST_NAME)(value))


def _read_reply_to(value: object) -> str:
    """Return an address, or a template that gives one."""
    text = optional_text_reader(LONGEST_REPLY_TO)(value)
    return check_template(text) if has_tag(text) else _read_address(value)


def _read_address(value: object) -> str:
    is_blank = isinstance(value, str) and not value.strip()
    return "" if is_blank else read_email(value).text
