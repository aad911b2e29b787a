"""The steps of a sequence as rows of forms: from a sequence or a POST, and rearranged.

A button adds, moves or removes a row by posting the whole form; nothing is stored then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.datastructures import MultiValueDict

from events.admin.sequence_editor.fields import FieldFault
from events.admin.sequence_editor.step_form import StepForm
from events.admin.sequence_editor.step_forms import FORMS, form_kind_of, wire_kind_of
from events.admin.sequence_editor.times import Wire
from events.language.steps import MOST_STEPS
from subscribers.wire.payloads import Fault

PREFIX = "steps"
COUNT = f"{PREFIX}-count"
ARRANGE = "_arrange"
# The fields that choose a later step, with their defaults.
TARGETS = {"next": "", "on_false": "exit"}
ADD_KIND, ADD_BEFORE = "_add_kind", "_add_before"


@dataclass(frozen=True, slots=True)
class _Typed:
    kind: str
    values: Mapping[str, list[str]]

    @property
    def step_id(self) -> str:
        return (self.values.get("id") or [""])[-1]


class StepRows:
    """The rows in order; `faults_of_all` are those that no row's field could show."""

    def __init__(self, forms: Iterable[StepForm]) -> None:
        self.forms = list(forms)
        self.faults_of_all: list[str] = []
        for place, form in enumerate(self.forms):
            _offer_targets(form, self.forms[place + 1 :], first=place + 2)

    @classmethod
    def of_wire(cls, steps: Iterable[Wire]) -> "StepRows":
        forms = []
        for place, step in enumerate(steps):
            made = FORMS[form_kind_of(step)]
            forms.append(made(initial=made.initial_of(step), prefix=f"{PREFIX}-{place}"))
        return cls(forms)

    @classmethod
    def of_post(cls, posted: Mapping[str, Any]) -> "StepRows":
        """Return the posted rows, rearranged if one of those buttons was pressed."""
        data = posted if isinstance(posted, MultiValueDict) else MultiValueDict()
        rows = list(_typed_rows(data))
        if data.get(ARRANGE):
            rows = _rearranged(rows, data)
        forms = []
        for place, row in enumerate(rows):
            prefix = f"{PREFIX}-{place}"
            values = {f"{prefix}-{name}": given for name, given in row.values.items()}
            forms.append(FORMS[row.kind](MultiValueDict(values), prefix=prefix))
        return cls(forms)

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
        return steps

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
        # A row that could not be read shows that; the parser saw only half of it.
        if field and form.has_error(field):
            return
        words = f"{inner} {fault.message}".strip() if inner or field else f"It {fault.message}"
        form.add_error(field, words)


def _typed_rows(data: MultiValueDict[str, str]) -> Iterable[_Typed]:
    count = data.get(COUNT, "0")
    number = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0  # noqa: PLR2004 - three digits
    for place in range(min(number, MOST_STEPS + 1)):
        start = f"{PREFIX}-{place}-"
        kind = data.get(f"{start}kind", "")
        if kind in FORMS:
            names = [*FORMS[kind].base_fields]
            yield _Typed(kind, {n: data.getlist(start + n) for n in names if start + n in data})


def _rearranged(rows: list[_Typed], data: Mapping[str, Any]) -> list[_Typed]:
    """Return the rows after one button: `add`, `up-2`, `down-2` or `remove-2`."""
    verb, _, number = str(data[ARRANGE]).partition("-")
    if verb == "add":
        return _with_new(rows, str(data.get(ADD_KIND)), str(data.get(ADD_BEFORE)))
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else -1  # noqa: PLR2004 - as above
    if not 0 <= place < len(rows):
        return rows
    if verb == "remove":
        return rows[:place] + rows[place + 1 :]
    other = place + {"up": -1, "down": 1}.get(verb, 0)
    if 0 <= other < len(rows):
        rows[place], rows[other] = rows[other], rows[place]
    return rows


def _with_new(rows: list[_Typed], kind: str, before: str) -> list[_Typed]:
    if kind not in FORMS or len(rows) >= MOST_STEPS:
        return rows
    taken = {row.step_id for row in rows}
    number = len(rows) + 1
    word = wire_kind_of(kind)
    while f"{word}-{number}" in taken:
        number += 1
    place = int(before) if before.isascii() and before.isdigit() else len(rows)
    return [*rows[:place], _Typed(kind, {"id": [f"{word}-{number}"]}), *rows[place:]]


def _offer_targets(form: StepForm, later: list[StepForm], *, first: int) -> None:
    """Offer the later steps, and the current target even where it is none of them."""
    ids = [str(each["id"].value() or "") for each in later]
    for field, default in TARGETS.items():
        if field not in form.fields:
            continue
        offered = {"": "the step after it"} if default == "" else {}
        offered["exit"] = "end"
        for number, (step_id, each) in enumerate(zip(ids, later, strict=True), start=first):
            offered[step_id] = f"go to {number}. {each.heading}"
        now = str(form[field].value() or default)
        offered.setdefault(now, f"{now}, which is no later step")
        form.fields[field].choices = [*offered.items()]  # type: ignore[attr-defined]  # a ChoiceField


def _place_in(path: str) -> tuple[int | None, str]:
    """Return the number in `steps[2].subject`, and what comes after."""
    start, _, rest = path.partition("]")
    digits = start.removeprefix(f"{PREFIX}[")
    if not digits.isdigit():
        return None, path
    return int(digits), rest.removeprefix(".")


def _field_of(form: StepForm, rest: str) -> tuple[str | None, str]:
    """Return the field for a path within a step, and the rest of the path."""
    for wire, field in {**form.wire_names, "next": "next"}.items():
        if rest == wire:
            return field, ""
        if rest.startswith((f"{wire}[", f"{wire}.")):
            return field, rest.removeprefix(wire).removeprefix(".")
    return None, rest
