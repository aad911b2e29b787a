"""A sequence's steps in the wire form and in the stored form, which is `as_wire`.

From callers it takes aliases, steps without an id, and a delay within another step.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import msgspec
from msgspec.structs import replace

from events.language import timing
from events.language.fields import Fields, any_of, optional_text_reader
from events.language.steps.kinds import KINDS, DelayStep, Step
from events.language.steps.kinds.base import EXIT, LONGEST_ID
from events.language.steps.kinds.delay import read_delay
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest, read_text, type_name

MOST_STEPS = 100
LONGEST_LABEL = 200
ALIASES = {"action_email": "email", "action_update_attributes": "update_subscriber"}
NOT_OURS = frozenset({"sms", "push", "create_discount", "discount"})
_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_ID}}}", re.ASCII)
_OWN_DELAY = "-delay"
# The fields of all kinds.
WORDS = frozenset(timing.WORDS).union(
    field.encode_name for kind in KINDS.values() for field in msgspec.structs.fields(kind)
)


def parse_steps(raw: object, *, path: str = "steps") -> tuple[Step, ...]:
    """Return up to 100 steps; raises `InvalidRequest` with the faults of all of them.

    A step's own delay becomes a delay step before it, and jumps to the step go to that delay.
    """
    listed = [] if raw is None else raw
    if not isinstance(listed, list):
        raise InvalidRequest(Fault(path, f"must be an array, not {type_name(listed)}."))
    if len(listed) > MOST_STEPS:
        message = f"has {len(listed)} elements; at most {MOST_STEPS} are allowed."
        raise InvalidRequest(Fault(path, message))
    parser = _StepsParser(listed, path)
    for number, each in enumerate(listed):
        parser.add(each, number)
    return parser.finished()


def from_stored(stored: Mapping[str, Any]) -> Step:
    """Return one step of a version, without the checks for callers; raises `InvalidRequest`."""
    fields = Fields(stored, path="", is_stored=True)
    step = KINDS[_read_kind(fields)].read(fields)
    fields.raise_faults()
    return replace(step, id=stored.get("id", ""), label=stored.get("label", ""))


class _StepsParser:
    """Makes the steps of one array, and keeps the faults."""

    def __init__(self, listed: list[object], path: str) -> None:
        self.path = path
        self.steps: list[Step] = []
        self.faults: list[Fault] = []
        self.taken = set(_given_ids(listed))
        self.seen: dict[str, int] = {}
        # The path of each step, by its id; and the id of its own delay, by the step's id.
        self.paths: dict[str, str] = {}
        self.delay_of: dict[str, str] = {}

    def add(self, raw: object, number: int) -> None:
        path = f"{self.path}[{number}]"
        try:
            fields = Fields(raw, path=path)
            kind = _read_kind(fields)
            step_id = self.read_id(fields, kind, number)
            fields.know(*WORDS, reason=f"is no field of {_named(kind)} step.")
            label = fields.read("label", optional_text_reader(LONGEST_LABEL), "")
            step = replace(KINDS[kind].read(fields), id=step_id, label=label)
            step.check_sent(fields)
            if kind != "delay" and timing.has_own_delay(fields.raw):
                self.add_delay(fields, step_id)
            fields.raise_faults()
        except InvalidRequest as error:
            self.faults += error.faults
            return
        self.paths[step.id] = path
        self.steps.append(step)

    def read_id(self, fields: Fields, kind: str, number: int) -> str:
        """Return the step's id; a missing one is made of kind and place."""
        given = fields.read("id", _read_id, "")
        if given in self.seen:
            fields.fault("id", f"is the id of {self.path}[{self.seen[given]}] too: {given}.")
        elif given:
            self.seen[given] = number
        return given or self.free_id(f"{kind}-{number + 1}")

    def add_delay(self, fields: Fields, step_id: str) -> None:
        """Add a step's own delay before it, unless its length is zero."""
        delay = read_delay(fields)
        if delay != timing.Duration(0) and not fields.faults:
            made = self.free_id(step_id[: LONGEST_ID - len(_OWN_DELAY)] + _OWN_DELAY)
            self.delay_of[step_id] = made
            self.steps.append(DelayStep(id=made, delay=delay))

    def free_id(self, wanted: str) -> str:
        """Return the id, with a number after it when another step has it."""
        name, count = wanted, 1
        while name in self.taken:
            count += 1
            end = f"-{count}"
            name = wanted[: LONGEST_ID - len(end)] + end
        self.taken.add(name)
        return name

    def finished(self) -> tuple[Step, ...]:
        """Return all steps, with every jump checked."""
        if len(self.steps) > MOST_STEPS:
            message = f"has {len(self.steps)} steps with their own delays; "
            self.faults.append(Fault(self.path, f"{message}at most {MOST_STEPS} are allowed."))
        place_of = {step.id: place for place, step in enumerate(self.steps)}
        done = tuple(
            self.with_targets(step, place, place_of) for place, step in enumerate(self.steps)
        )
        if self.faults:
            raise InvalidRequest(*self.faults)
        return done

    def with_targets(self, step: Step, place: int, place_of: Mapping[str, int]) -> Step:
        """Return the step with each jump moved to its target's own delay, if it has one."""
        for field, target in step.jumps.items():
            # A jump to a faulty step: that step's fault is enough.
            is_unknowable = target in self.taken and target not in place_of
            if target != EXIT and not is_unknowable and place_of.get(target, -1) <= place:
                message = f"must be {EXIT} or the id of a later step, not {target!r}."
                self.faults.append(Fault(f"{self.paths[step.id]}.{field}", message))
        return step.with_jumps(lambda target: self.delay_of.get(target, target))


def _given_ids(listed: Iterable[object]) -> Iterable[str]:
    for each in listed:
        given = each.get("id") if isinstance(each, Mapping) else None
        if _is_id(given):
            yield given


def _named(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _is_id(value: Any) -> TypeGuard[str]:  # noqa: ANN401 - any JSON value
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _read_id(value: object) -> str:
    if not _is_id(value):
        raise InvalidField(f"must be 1 to {LONGEST_ID} letters, digits, hyphens or underscores.")
    if value == EXIT:
        raise InvalidField(f"must not be {EXIT}: conditions use it for the end.")
    return value


def _read_kind(fields: Fields) -> str:
    name = fields.first_given("type", "nodeType")
    if not fields.is_given(name):
        if fields.is_given("subject"):
            return "email"
        raise InvalidRequest(Fault(fields.path_of("type"), f"is missing: {any_of(KINDS)}."))
    try:
        given = read_text(fields.get(name), longest=LONGEST_LABEL)
    except InvalidField as error:
        raise InvalidRequest(Fault(fields.path_of(name), str(error))) from error
    if given.removeprefix("action_") in NOT_OURS:
        message = f"is {given!r}, which is not supported: sequences send email only."
        raise InvalidRequest(Fault(fields.path_of(name), message))
    kind = ALIASES.get(given, given)
    if kind not in KINDS:
        raise InvalidRequest(Fault(fields.path_of(name), f"must be {any_of(KINDS)}."))
    return kind
