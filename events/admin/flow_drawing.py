"""A version's flow as boxes for the page: what each step does, its numbers, and where it leads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.admin_base import list_url, view_url
from events.language import steps
from events.language.steps.outline import Column, DrawnStep, Way, outline
from events.models import Enrollment, SequenceVersion, Step
from events.models import Sequence as SequenceRow
from events.services.counts.numbers import Measure, SequenceNumbers, StepNumbers
from events.services.sequences.under_way import UnderWay
from events.wording import step_numbers
from events.wording.steps import branch_name, drawn_in_words, shares_in_words

ICONS = {
    "email": "mail", "delay": "schedule", "wait_for_event": "hourglass_empty",
    "condition": "alt_route", "split": "shuffle", "update_tags": "sell", "update_list": "list_alt",
    "update_subscriber": "person", "webhook": "webhook", "exit": "stop_circle",
}  # fmt: skip
NOTHING = StepNumbers(key="", position=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One way on from a branching step; `goes_on_at` is a step's number."""

    name: str
    # "80%" and "52 people"; "" where that is not known.
    share: str
    count: str
    boxes: tuple["Box", ...]
    goes_on_at: int | None
    # Whether it has to be said: a step that ends it says so itself.
    says_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    number: int
    icon: str
    title: str
    # Below a label; "" without one.
    sentence: str
    address: str
    # Its mail as a person gets it; "" for other steps.
    preview_address: str
    # "31 here now"; "" for nobody, and where not everybody was read.
    here: str
    people_address: str
    facts: tuple[str, ...]
    # How many of 100 who entered came to it.
    came: int | None
    lanes: tuple[Lane, ...]
    jumps_to: int | None

    @property
    def is_open(self) -> bool:
        """Whether it has lanes with steps to draw, not only places where they go on."""
        return any(lane.boxes for lane in self.lanes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    boxes: tuple[Box, ...]
    unreached: tuple[Box, ...]
    says_end: bool


def draw(
    *,
    sequence: SequenceRow,
    version: SequenceVersion | None,
    placed: Sequence[steps.Step],
    rows: Mapping[str, Step],
    here: UnderWay,
    numbers: SequenceNumbers,
) -> Flow:
    """Return the boxes; `rows` are the stored steps by key, and `placed` the same in order."""
    found = outline(placed)
    numbers_by_key = {each.key: each for each in numbers.steps}
    entered = numbers.whole.of(Measure.ENTERED)

    def box(stop: DrawnStep) -> Box:
        step = placed[stop.place]
        row, counted = rows[step.id], numbers_by_key.get(step.id, NOTHING)
        count = here.by_step.get(row.pk, 0)
        words = drawn_in_words(step)
        people = list_url(Enrollment, step__id__exact=row.pk, under_way="yes")
        return Box(
            number=stop.place + 1,
            icon=ICONS[step.kind],
            title=step.label or words,
            sentence=words if step.label else "",
            address=step_address(sequence, version, stop.place + 1),
            preview_address=preview_address(sequence, version, stop.place + 1, step),
            here=f"{step_numbers.people(count, here)} here now" if count else "",
            people_address=people,
            facts=tuple(step_numbers.phrases(step, counted)) if numbers.counted_at else (),
            came=min(100, round(100 * counted.reached / entered)) if entered else None,
            lanes=tuple(lane(step, way, counted) for way in stop.ways),
            jumps_to=None if stop.jumps_to is None else stop.jumps_to + 1,
        )

    def lane(step: steps.Step, way: Way, counted: StepNumbers) -> Lane:
        counts = step_numbers.ways(step, counted)
        count, whole = counts.get(way.name), sum(counts.values())
        share = shares_in_words(step)[way.name] if isinstance(step, steps.SplitStep) else ""
        if not share and count is not None:
            share = step_numbers.percent(count, whole)
        return Lane(
            name=branch_name(way.name),
            share=share,
            count="" if count is None else f"{count:,} {'person' if count == 1 else 'people'}",
            boxes=tuple(map(box, way.column.stops)),
            goes_on_at=None if way.column.goes_on_at is None else way.column.goes_on_at + 1,
            says_end=not _ends_by_itself(way.column, placed),
        )

    return Flow(
        boxes=tuple(map(box, found.column.stops)),
        unreached=tuple(map(box, found.unreached)),
        says_end=not _ends_by_itself(found.column, placed),
    )


def step_address(
    sequence: SequenceRow, version: SequenceVersion | None, number: int, view: str = "step"
) -> str:
    """Return the address of a step's page, which stays when the sequence is edited."""
    of_version = f"version={version.number}&" if version else ""
    return f"{view_url(sequence, view)}?{of_version}number={number}"


def preview_address(
    sequence: SequenceRow, version: SequenceVersion | None, number: int, step: steps.Step
) -> str:
    is_mail = isinstance(step, steps.EmailStep)
    return step_address(sequence, version, number, "mail") if is_mail else ""


def _ends_by_itself(column: Column, placed: Sequence[steps.Step]) -> bool:
    last = placed[column.stops[-1].place] if column.stops else None
    return isinstance(last, steps.ExitStep)
