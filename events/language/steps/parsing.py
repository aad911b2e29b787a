"""A sequence's steps in the wire form and in the stored form, which is `as_wire`.

From callers it takes aliases, steps without an id, a delay within another step, and lists of steps
within a condition or split: only a notation for the one list that they become.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import msgspec
from msgspec.structs import replace

from events.language import timing
from events.language.fields import Fields, any_of, optional_text_reader, text_reader
from events.language.steps.kinds import KINDS, ConditionStep, DelayStep, SplitStep, Step
from events.language.steps.kinds.base import EXIT, LONGEST_ID
from events.language.steps.kinds.delay import read_delay
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest, read_text, type_name

MOST_STEPS = 100
LONGEST_LABEL = 200
ALIASES = {"action_email": "email", "action_update_attributes": "update_subscriber"}
NOT_OURS = frozenset({"sms", "push", "create_discount", "discount"})
_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_ID}}}", re.ASCII)
_OWN_DELAY = "-delay"
# Of `branches[0].steps`, in the ids of the steps there.
_NOT_IN_IDS = re.compile(r"\W|steps")
# Levels of lists within lists.
DEEPEST = 5
# The fields of all kinds.
WORDS = frozenset(timing.WORDS).union(
    ("then", "else"),
    (field.encode_name for kind in KINDS.values() for field in msgspec.structs.fields(kind)),
)


def parse_steps(raw: object, *, path: str = "steps") -> tuple[Step, ...]:
    """Return up to 100 steps; raises `InvalidRequest` with the faults of all of them.

    A step's own delay becomes a delay step before it, and jumps to the step go to that delay. The
    steps of a nested list come after their condition or split; the last one's `next` is what comes
    after the whole.
    """
    parser = _StepsParser(raw, path)
    parser.add_list(raw, _Block(path))
    return parser.finished()


def from_stored(stored: Mapping[str, Any]) -> Step:
    """Return one step of a version, without the checks for callers; raises `InvalidRequest`."""
    fields = Fields(stored, path="", is_stored=True)
    step = KINDS[_read_kind(fields)].read(fields)
    fields.raise_faults()
    return replace(step, **{name: stored.get(name, "") for name in ("id", "label", "next")})


@dataclass(frozen=True, slots=True)
class _Block:
    """Where a list stands; its last step goes on with `end`, a mark, unless it is the whole."""

    path: str
    # Begins the ids that are made for its steps.
    place: str = ""
    end: str = ""
    depth: int = 0


class _StepsParser:
    """Makes the steps of one array and of those nested in it, and keeps the faults.

    A jump to where a nested list begins or ends is a mark until all steps have their places.
    """

    def __init__(self, raw: object, path: str) -> None:
        self.path = path
        self.steps: list[Step] = []
        self.faults: list[Fault] = []
        self.taken = set(_given_ids(raw))
        # The path of each id that is given.
        self.seen: dict[str, str] = {}
        # The path of each step, by its id; and the id of its own delay, by the step's id.
        self.paths: dict[str, str] = {}
        self.delay_of: dict[str, str] = {}
        # The place of the step that a mark means.
        self.place_of_mark: dict[str, int | None] = {}

    def add_list(self, raw: object, block: _Block) -> None:
        listed = [] if raw is None else raw
        if not isinstance(listed, list):
            message = f"must be an array, not {type_name(listed)}."
        elif len(listed) > MOST_STEPS:
            message = f"has {len(listed)} elements; at most {MOST_STEPS} are allowed."
        elif block.depth > DEEPEST:
            message = f"is nested deeper than {DEEPEST} levels."
        else:
            for number, each in enumerate(listed if len(self.steps) <= MOST_STEPS else ()):
                end = block.end if number == len(listed) - 1 else ""
                path, place = f"{block.path}[{number}]", f"{block.place}{number + 1}"
                self.add(each, _Block(path, place, end, block.depth))
            return
        self.faults.append(Fault(block.path, message))

    def add(self, raw: object, at: _Block) -> None:
        """Add a step with what is nested in it; `at.end` is for the last step of a list."""
        try:
            fields = Fields(raw, path=at.path)
            kind = _read_kind(fields)
            step_id = self.read_id(fields, kind, at.place)
            label = fields.read("label", optional_text_reader(LONGEST_LABEL), "")
            step = replace(KINDS[kind].read(fields), id=step_id, label=label)
            # After the kind's own: `body` is another name of `html` in an email.
            fields.know(*WORDS, reason=f"is no field of {_named(kind)} step.")
            if step.has_next:
                step = replace(step, next=fields.read("next", text_reader(LONGEST_ID), ""))
            step.check_sent(fields)
            if kind != "delay" and timing.has_own_delay(fields.raw):
                self.add_delay(fields, step_id)
            fields.raise_faults()
            after = at.end or self.new_mark()
            step, lists = self.with_lists(step, fields, after)
            if at.end and step.has_next and not (step.next or lists):
                step = replace(step, next=at.end)
            fields.raise_faults()
        except InvalidRequest as error:
            self.faults += error.faults
            return
        self.paths[step.id] = at.path
        self.steps.append(step)
        for start, name, listed in lists:
            self.place_of_mark[start] = len(self.steps)
            place = f"{at.place}-{_NOT_IN_IDS.sub('', name)}-"
            self.add_list(listed, _Block(f"{at.path}.{name}", place, after, at.depth + 1))
        if not at.end:
            self.place_of_mark[after] = len(self.steps)

    def with_lists(
        self, step: Step, fields: Fields, after: str
    ) -> tuple[Step, list[tuple[str, str, object]]]:
        """Return a step that leads to its nested lists, each with the mark of its start and name.

        A way without steps leads to `after`.
        """
        match step:
            case ConditionStep():
                named = {name: fields.get(name) for name in ("then", "else")}
            case SplitStep():
                paths = [f"branches[{number}]" for number in range(len(step.branches))]
                raws = [
                    Fields(raw, path=fields.path_of(path))
                    for raw, path in zip(fields.raw["branches"], paths, strict=True)
                ]
                named = {
                    f"{path}.steps": raw.get("steps") for path, raw in zip(paths, raws, strict=True)
                }
            case _:
                return step, []
        lists = [(self.new_mark(), name, each) for name, each in named.items() if each]
        starts = {name: start for start, name, _ in lists}
        if isinstance(step, SplitStep):
            ways = [
                replace(way, next=way.next or starts.get(f"branches[{number}].steps", after))
                for number, way in enumerate(step.branches)
            ]
            return replace(step, branches=tuple(ways)), lists
        if all(each is None for each in named.values()):
            return step, []
        for name, other in (("then", "next"), ("else", "onFalse")):
            if named[name] is not None and fields.is_given(other):
                fields.fault(name, f"and {other} exclude each other.")
        if not fields.is_given("onFalse"):
            step = replace(step, on_false=starts.get("else", after))
        if not fields.is_given("next"):
            step = replace(step, next=starts.get("then", after))
        return step, lists

    def new_mark(self) -> str:
        mark = f"\0{len(self.place_of_mark)}"
        self.place_of_mark[mark] = None
        return mark

    def read_id(self, fields: Fields, kind: str, place: str) -> str:
        """Return the step's id; a missing one is made of kind and place."""
        given = fields.read("id", _read_id, "")
        if given in self.seen:
            fields.fault("id", f"is the id of {self.seen[given]} too: {given}.")
        elif given:
            self.seen[given] = fields.path
        return given or self.free_id(f"{kind}-{place}"[-LONGEST_ID:])

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
        """Return the step with each jump at a step's id: at its own delay, if it has one."""
        for field, target in step.jumps.items():
            # A jump to a faulty step: that step's fault is enough.
            is_unknowable = target in self.taken and target not in place_of
            is_known = target == EXIT or target in self.place_of_mark or is_unknowable
            if not is_known and place_of.get(target, -1) <= place:
                message = f"must be {EXIT} or the id of a later step, not {target!r}."
                self.faults.append(Fault(f"{self.paths[step.id]}.{field}", message))
        if step.next and self.place_of_mark.get(step.next) == place + 1:
            step = replace(step, next="")
        return step.with_jumps(self.resolved)

    def resolved(self, target: str) -> str:
        if target not in self.place_of_mark:
            return self.delay_of.get(target, target)
        place = self.place_of_mark[target]
        return EXIT if place is None or place >= len(self.steps) else self.steps[place].id


def _given_ids(raw: object, *, depth: int = 0) -> Iterable[str]:
    """Yield the ids in a list of steps and in the lists within."""
    for each in raw if isinstance(raw, list) and depth <= DEEPEST else ():
        if isinstance(each, Mapping):
            if _is_id(each.get("id")):
                yield each["id"]
            branches = each.get("branches")
            ways = branches if isinstance(branches, list) else []
            nested = [way.get("steps") for way in ways if isinstance(way, Mapping)]
            for listed in (each.get("then"), each.get("else"), *nested):
                yield from _given_ids(listed, depth=depth + 1)


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
