"""What differs between two versions of a sequence: step by step, field by field, line by line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from events.admin.sequence_editor.form import SequenceForm
from events.admin.sequence_editor.wire import initial_of
from events.admin.step_fields import FieldText, fields_of, text_of, title_of
from events.language import steps
from events.language.specs import SequenceSpec, as_wire
from events.wording.steps import drawn_in_words

# What a version holds besides its steps.
GENERAL = (
    "mail_list", "from_name", "from_email", "reply_to", "window_is_on", "window_weekdays",
    "window_start", "window_end", "window_timezone",
)  # fmt: skip
# Comparing lines takes longer the more there are.
MOST_LINES = 2000
LONGEST_IN_LINE = 80
# Unchanged lines that are shown before and after a changed one.
CONTEXT = 2
_BETWEEN_TAGS = re.compile(r"(?<=>)(?=<)")


@dataclass(frozen=True, slots=True)
class DiffLine:
    kind: Literal["same", "added", "removed", "gap"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field with its old and new text, or its lines where it is long."""

    label: str
    old: str
    new: str
    lines: tuple[DiffLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChange:
    """`number` is the step's place in the new version, or in the old one when it was removed."""

    kind: Literal["added", "removed", "changed"]
    number: int
    title: str
    moved_from: int | None = None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    general: tuple[FieldChange, ...]
    steps: tuple[StepChange, ...]


def compare(old: SequenceSpec, new: SequenceSpec, *, may_edit: bool) -> Comparison:
    """Return what differs; steps are matched by their ids, lists by name. `may_edit`: the reader
    may.
    """
    labels = SequenceForm.base_fields
    before, after = (
        [FieldText(name, str(labels[name].label), text_of(labels[name], values[name]))
         for name in GENERAL]
        for values in (initial_of(as_wire(old), labels), initial_of(as_wire(new), labels))
    )  # fmt: skip
    changes = _step_changes(old.steps, new.steps, may_edit=may_edit)
    return Comparison(tuple(_changes(before, after)), tuple(changes))


def _step_changes(
    old: Sequence[steps.Step], new: Sequence[steps.Step], *, may_edit: bool
) -> Iterator[StepChange]:
    old_numbers, new_numbers = _numbers(old), _numbers(new)
    old_by_id = {step.id: step for step in old}
    moved = _moved([*old_numbers], [*new_numbers])
    for step in new:
        number, title = new_numbers[step.id], drawn_in_words(step)
        earlier = old_by_id.get(step.id)
        if earlier is None:
            yield StepChange(kind="added", number=number, title=title)
            continue
        changes = _field_changes(earlier, step, old_numbers, new_numbers, may_edit=may_edit)
        moved_from = old_numbers[step.id] if step.id in moved else None
        if changes or moved_from:
            yield StepChange(
                kind="changed", number=number, title=title, moved_from=moved_from, fields=changes
            )
    for step in old:
        if step.id not in new_numbers:
            number = old_numbers[step.id]
            yield StepChange(kind="removed", number=number, title=drawn_in_words(step))


def _field_changes(
    old: steps.Step,
    new: steps.Step,
    old_numbers: Mapping[str, int],
    new_numbers: Mapping[str, int],
    *,
    may_edit: bool,
) -> tuple[FieldChange, ...]:
    # A step that others moved leads to the same step, by another number.
    if old == new:
        return ()
    kinds = [FieldText("kind", "Kind", title_of(step)) for step in (old, new)]
    before = [kinds[0], *fields_of(old, number_by_id=old_numbers, may_edit=may_edit)]
    after = [kinds[1], *fields_of(new, number_by_id=new_numbers, may_edit=may_edit)]
    return tuple(_changes(before, after))


def _changes(before: Sequence[FieldText], after: Sequence[FieldText]) -> Iterator[FieldChange]:
    """Yield the fields whose texts differ; those of one side only count as empty on the other."""
    old_by_name = {each.name: each for each in before}
    new_by_name = {each.name: each for each in after}
    for name, field in (old_by_name | new_by_name).items():
        old, new = (
            by_name[name].text if name in by_name else "" for by_name in (old_by_name, new_by_name)
        )
        if old == new:
            continue
        if field.is_secret:
            yield FieldChange(
                field.label, "", "", (DiffLine("same", "Changed; values are hidden."),)
            )
        elif max(len(old), len(new)) <= LONGEST_IN_LINE and "\n" not in old + new:
            yield FieldChange(field.label, old, new)
        else:
            yield FieldChange(field.label, old, new, tuple(_lines(_cut(old), _cut(new))))


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    if max(len(old), len(new)) > MOST_LINES:
        yield DiffLine("gap", f"Changed; with {len(new):,} lines it is too long to compare here.")
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number:
            yield DiffLine("gap", "…")
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                yield from (DiffLine("same", line) for line in new[new_from:new_to])
                continue
            yield from (DiffLine("removed", line) for line in old[old_from:old_to])
            yield from (DiffLine("added", line) for line in new[new_from:new_to])


def _cut(text: str) -> list[str]:
    """Return the lines of a text; HTML in one line is cut between its tags."""
    lines = text.splitlines()
    return lines if len(lines) > 1 else _BETWEEN_TAGS.split(text)


def _numbers(placed: Sequence[steps.Step]) -> dict[str, int]:
    return {step.id: number for number, step in enumerate(placed, start=1)}


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """Return the ids that come at another place among those that both have."""
    shared = set(old) & set(new)
    before = [each for each in old if each in shared]
    after = [each for each in new if each in shared]
    kept: set[str] = set()
    for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        kept.update(before[block.a : block.a + block.size])
    return shared - kept
