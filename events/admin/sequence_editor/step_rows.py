"""The steps of a sequence as rows of forms: from a sequence or a POST, and rearranged."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.datastructures import MultiValueDict

from events.admin.sequence_editor.arranging import BRANCHES, Arranged, TypedStep, arranged
from events.admin.sequence_editor.fields import FieldFault
from events.admin.sequence_editor.places import StepPlace, places_of
from events.admin.sequence_editor.row_fields import ARRANGE, limit_rows
from events.admin.sequence_editor.row_kinds import Option
from events.admin.sequence_editor.sentences import sentence_of, sentence_typed
from events.admin.sequence_editor.step_form import StepForm
from events.admin.sequence_editor.step_forms import FORMS, form_kind_of, wire_kind_of
from events.admin.sequence_editor.times import Wire
from events.language.steps import EXIT, MOST_STEPS
from subscribers.wire.payloads import Fault

PREFIX = "steps"
COUNT = f"{PREFIX}-count"
# Opens every step, in a browser without script.
OPEN_ALL = "open"
# What says where a step stands.
JUMPS = ("id", "next", "on_false", BRANCHES)
# The fields that choose a later step, with their defaults.
TARGETS = {"next": "", "on_false": EXIT}
_FIELD = re.compile(rf"{PREFIX}-(\d{{1,3}})-(.+)", re.ASCII)


@dataclass(slots=True)
class FoldedStep:
    """A step's form as the page folds it."""

    form: StepForm
    place: StepPlace
    sentence: str
    is_open: bool = False


class StepRows:
    """The rows in order; `faults_of_all` are those that no row's field could show."""

    def __init__(
        self, forms: Sequence[StepForm], typed: Sequence[TypedStep], sentences: Sequence[str]
    ) -> None:
        self.forms = [*forms]
        self.faults_of_all: list[str] = []
        # The places and names of fields whose values have no wire form: they say so.
        self.unread: set[tuple[int, str | None]] = set()
        targets = [
            (str(form["id"].value() or ""), f"go to {number}. {form.heading}")
            for number, form in enumerate(self.forms, start=1)
        ]
        for number, form in enumerate(self.forms, start=1):
            _offer_targets(form, targets[number:])
        limit_rows(self.forms)
        both = zip(forms, places_of(typed), sentences, strict=True)
        self.shown = [FoldedStep(*each) for each in both]

    @classmethod
    def of_wire(cls, steps: Iterable[Wire]) -> "StepRows":
        forms, typed, sentences = [], [], []
        for place, step in enumerate(steps):
            made = FORMS[form_kind_of(step)]
            form = made(initial=made.initial_of(step), prefix=f"{PREFIX}-{place}")
            forms.append(form)
            sentences.append(sentence_of(step))
            texts = {name: [value] for name, value in form.initial.items() if name in JUMPS}
            typed.append(TypedStep(form.kind, texts))
        return cls(forms, typed, sentences)

    @classmethod
    def of_post(cls, posted: Mapping[str, Any]) -> "StepRows":
        """Return the posted rows, rearranged if one of those buttons was pressed."""
        data = posted if isinstance(posted, MultiValueDict) else MultiValueDict()
        rows = list(_typed_rows(data))
        button = data.get(ARRANGE, "")
        result = arranged(rows, data) if button else Arranged(rows)
        forms, sentences = [], []
        for place, row in enumerate(result.steps):
            prefix = f"{PREFIX}-{place}"
            values = {f"{prefix}-{name}": given for name, given in row.values.items()}
            # Rows within the step have buttons of their own.
            values[ARRANGE] = [button]
            form = FORMS[row.kind](MultiValueDict(values), prefix=prefix)
            if button:
                form.leave_unjudged()
            forms.append(form)
            sentences.append(sentence_typed(FORMS[row.kind](form.data, prefix=prefix)))
        found = cls(forms, result.steps, sentences)
        for place, shown in enumerate(found.shown):
            has_button = f"-{shown.form.prefix}-" in button
            shown.is_open = has_button or button == OPEN_ALL or place == result.opened
        return found

    def to_wire(self) -> list[Wire]:
        """Return the steps' wire form; a `FieldFault` becomes an error of its row."""
        steps: list[Wire] = []
        for form in self.forms:
            step: Wire = {"type": wire_kind_of(form.kind), "id": form.data.get(f"{form.prefix}-id")}
            if form.is_valid():
                try:
                    step |= form.to_wire()
                except FieldFault as error:
                    form.add_error(error.field, str(error))
            steps.append(step)
        unread = ((place, name) for place, form in enumerate(self.forms) for name in form.errors)
        self.unread = {*unread}
        return steps

    @property
    def next_number(self) -> int:
        return len(self.forms) + 1

    @property
    def has_errors(self) -> bool:
        return bool(self.faults_of_all) or any(form.errors for form in self.forms)

    def show(self, fault: Fault) -> None:
        """Show a fault of the wire, such as `steps[2].subject`, at its field."""
        place, rest = _place_in(fault.path)
        if place is None or place >= len(self.forms):
            self.faults_of_all.append(f"{fault.path}: {fault.message}")
            return
        form = self.forms[place]
        field, inner = _field_of(form, rest)
        # The parser saw only half of it.
        if (place, field) in self.unread:
            return
        words = said_at(inner, fault.message) if inner or field else f"It {fault.message}"
        form.add_error(field, words)


def _typed_rows(data: MultiValueDict[str, str]) -> Iterable[TypedStep]:
    count = data.get(COUNT, "0")
    number = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0  # noqa: PLR2004 - three digits
    fields: dict[str, dict[str, list[str]]] = {}
    for name in data:
        if match := _FIELD.fullmatch(name):
            fields.setdefault(match[1], {})[match[2]] = data.getlist(name)
    for place in range(min(number, MOST_STEPS + 1)):
        values = fields.get(str(place), {})
        kind = values.pop("kind", [""])[-1]
        if kind in FORMS:
            yield TypedStep(kind, values)


def _offer_targets(form: StepForm, later: Sequence[tuple[str, str]]) -> None:
    """Offer the later steps, and the current target even where it is none of them."""
    for field, default in TARGETS.items():
        if field not in form.fields:
            continue
        offered = {"": "the step after it"} if default == "" else {}
        offered[EXIT] = "end"
        offered |= dict(later)
        now = str(form[field].value() or default)
        offered.setdefault(now, f"{now}, which is no later step")
        form.fields[field].choices = [*offered.items()]  # type: ignore[attr-defined]  # a ChoiceField
    if BRANCHES in form.fields:
        widget = form.fields[BRANCHES].widget
        widget.targets = (Option(EXIT, "end"), *(Option(*each) for each in later))


def _place_in(path: str) -> tuple[int | None, str]:
    """Return the number in `steps[2].subject`, and what comes after."""
    start, _, rest = path.partition("]")
    digits = start.removeprefix(f"{PREFIX}[")
    if not digits.isdigit():
        return None, path
    return int(digits), rest.removeprefix(".")


def said_at(inner: str, message: str) -> str:
    """Return a fault's words, counted from 1 where it has a number."""
    row = re.match(r"\[(\d+)\]\.?", inner)
    place = f"Number {int(row[1]) + 1}: " if row else ""
    return f"{place}{inner[row.end() if row else 0 :]} {message}".replace(":  ", ": ").strip()


def _field_of(form: StepForm, rest: str) -> tuple[str | None, str]:
    """Return the field for a path within a step, and the rest of the path."""
    for wire, field in {**form.names(), "next": "next"}.items():
        if rest == wire:
            return field, ""
        if rest.startswith((f"{wire}[", f"{wire}.")):
            return field, rest.removeprefix(wire).removeprefix(".")
    return None, rest
