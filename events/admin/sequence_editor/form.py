"""The form of a whole sequence. It translates to the wire form, so its errors are the wire's."""

from typing import Any, ClassVar, cast

from django import forms
from django.forms.utils import ErrorDict

from config.admin_base import RowForm
from events.admin.sequence_editor import fields
from events.admin.sequence_editor.fields import (
    NAMES,
    ONE_A_LINE,
    FieldFault,
    box,
    choice,
    lines,
    several,
    text,
)
from events.admin.sequence_editor.lines import names_from
from events.admin.sequence_editor.row_fields import ARRANGE, rows
from events.admin.sequence_editor.row_kinds import FILTERS, LATER_FILTERS
from events.admin.sequence_editor.step_rows import StepRows, said_at
from events.admin.sequence_editor.times import Wire
from events.admin.sequence_editor.wire import STOP_TYPES, initial_of, names_of, wire_of
from events.language.entry import TRIGGERS
from events.language.specs import SequenceSpec, as_wire, parse_sequence
from events.models import Sequence
from events.services.sequences import references, sequences
from subscribers.models import List, Workspace
from subscribers.wire.payloads import Fault, InvalidRequest

CHANGED_MEANWHILE = (
    "Somebody changed this sequence while it was open here. Copy what you typed, open the page "
    "again, and make your changes there."
)


class SequenceForm(RowForm):
    name = text("Name")
    key = text("Key", "Files find the sequence by it; it never changes. Empty: made from the name.")
    description = lines("Description", rows=2)
    labels = text("Labels", "Separate them with commas.", notation=NAMES)

    trigger = choice("Trigger", dict(Sequence.Trigger.choices))
    event_name = text("Event", "Its name, such as signup.", list="known-events")
    filters = rows("Only where", FILTERS)
    tag_names = text(
        "Tags",
        "Any of them starts it; separate them with commas.",
        notation=NAMES,
        list="known-tags",
    )
    lists = lines("Lists", "One a line, by name; none: any list.", rows=2, notation=ONE_A_LINE)
    list_scope = choice(
        "Without lists",
        {"any_list": "joining any list starts it", "any_contact": "being created starts it too"},
    )
    enrollment_mode = choice("How often", dict(Sequence.Mode.choices))
    enrollment_field_path = text(
        "Field", "Path in the event's properties, such as order.id.", list="known-properties"
    )
    active_subscribers_only = box(
        "Active people only", "People who unsubscribed, bounced or complained do not enter."
    )
    runs_while_pending = box(
        "Runs before the confirmation",
        "For receipts and the like: only where all mails are transactional.",
    )

    stop_type = choice("Exit condition", STOP_TYPES)
    stop_value = text(
        "Event or tag", "Ends the enrollments that are under way, at once.", list="known-events"
    )
    stop_filters = rows("Only where", LATER_FILTERS)
    stop_field_path = text(
        "Field",
        "Only for “once at a time for each value”: path in this event that says which enrollment.",
        list="known-properties",
    )

    from_name, from_email = text("From, name"), text("From, address")
    reply_to = text("Replies to", "The workspace's sender is used where these are empty.")
    mail_list = choice(
        "Mail of the list",
        {"": "no list"},
        "Only its members get the marketing mail, and the unsubscribe links leave this list alone.",
    )
    window_is_on = box("Only in a sending window", "Mail waits until it opens.")
    window_weekdays = several("Days", fields.WEEK)
    window_start, window_end = text("From", fields.START_HELP), text("To", fields.END_HELP)
    window_timezone = text("Time zone", fields.ZONE_HELP)

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Sequence
        fields: ClassVar = ["workspace"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spec: SequenceSpec | None = None
        self.is_new = self.instance._state.adding
        self.is_arranging = bool(self.is_bound and self.data.get(ARRANGE))
        shown: Wire = {} if self.is_new else _shown(self.instance)
        seen = "" if self.is_new else self.instance.updated_at.isoformat()
        trigger = self.instance.trigger
        self.initial.update(
            {**initial_of(shown, self.base_fields), "trigger": trigger, "seen": seen}
        )
        self._offer_lists(shown.get("mailList", ""))
        steps = shown.get("steps", [])
        self.rows = StepRows.of_post(self.data) if self.is_bound else StepRows.of_wire(steps)

    @property
    def is_unsaved(self) -> bool:
        """Whether the page holds what is not stored: moved steps, or values with faults."""
        return self.is_bound

    @property
    def events_by_field(self) -> list[tuple[forms.BoundField, list[str]]]:
        """The events that each field names, as they are typed."""
        asked = {
            "event_name": self["trigger"].value() == Sequence.Trigger.EVENT_RECEIVED,
            "stop_value": self["stop_type"].value() == "event_received",
        }
        own = [
            (self[name], names_from(str(self[name].value() or ""), separator="\n"))
            for name, is_asked in asked.items()
            if is_asked
        ]
        return [*own, *(each for row in self.rows.forms for each in row.events_by_field)]

    @property
    def event_names(self) -> list[str]:
        return [*dict.fromkeys(name for _, names in self.events_by_field for name in names)]

    def _offer_lists(self, chosen: str) -> None:
        """Offer lists by name; those of every workspace while a new sequence has none."""
        found = List.objects.order_by("name")
        if not self.is_new:
            found = found.filter(workspace_id=self.instance.workspace_id)
        names = dict.fromkeys([*filter(None, [chosen]), *found.values_list("name", flat=True)])
        field = cast("forms.ChoiceField", self.fields["mail_list"])
        field.choices = [("", "no list"), *((name, name) for name in names)]

    def is_valid(self) -> bool:
        """Return False for a form whose rows were only moved: it is shown again."""
        return not self.is_arranging and super().is_valid() and not self.rows.has_errors

    def full_clean(self) -> None:
        if self.is_arranging:
            self._errors, self.cleaned_data = ErrorDict(), {}
            return
        super().full_clean()

    def clean(self) -> dict[str, Any]:
        """Parse all fields as the wire form, and show each fault at its field."""
        cleaned = super().clean() or self.cleaned_data
        workspace = cleaned.get("workspace") if self.is_new else self.instance.workspace
        if not self.is_new and cleaned.get("seen") != self.instance.updated_at.isoformat():
            raise forms.ValidationError(CHANGED_MEANWHILE)
        try:
            wire = {**wire_of(cleaned, self.fields), "steps": self.rows.to_wire()}
        except FieldFault as error:
            self.add_error(error.field, str(error))
            return cleaned
        if not self.is_new:
            wire["key"] = self.instance.key
        try:
            self.spec = parse_sequence(wire)
            if workspace:
                wanted = references.resolved(workspace=workspace, spec=self.spec)
                self._check_ready(workspace, wanted)
        except InvalidRequest as error:
            for fault in error.faults:
                self._show(fault)
        if workspace and self.is_new and self.spec:
            self._check_key(workspace, self.spec.key)
        if self.rows.has_errors:
            self.add_error(None, "A step below needs a correction.")
        return cleaned

    def _check_ready(self, workspace: Workspace, wanted: SequenceSpec) -> None:
        """Refuse an edit that an active sequence is not ready for: its enrollments would fail."""
        if self.instance.status == Sequence.Status.ACTIVE:
            for problem in sequences.problems_of(workspace=workspace, spec=wanted):
                self.add_error(None, f"The sequence is active. {problem}")

    def _check_key(self, workspace: Workspace, key: str) -> None:
        if Sequence.objects.filter(workspace=workspace, key=key).exists():
            self.add_error("key", f"The workspace has another sequence with the key {key}.")

    def _show(self, fault: Fault) -> None:
        if fault.path.startswith("steps"):
            self.rows.show(fault)
            return
        for wire, field in names_of(self.base_fields).items():
            if fault.path == wire or fault.path.startswith((f"{wire}[", f"{wire}.")):
                inner = fault.path.removeprefix(wire).removeprefix(".")
                self.add_error(field, said_at(inner, fault.message))
                return
        self.add_error(None, f"{fault.path} {fault.message}")


# The triggers that show a field, as an expression for the page.
TRIGGER_CONDITIONS = {
    field: " || ".join(
        f"trigger == '{type_}'" for type_, facts in TRIGGERS.items() if name in facts.fields
    )
    for name, field in names_of(SequenceForm.base_fields).items()
    if any(name in facts.fields for facts in TRIGGERS.values())
}


def _shown(sequence: Sequence) -> Wire:
    spec = sequences.spec_of(sequence)
    return as_wire(references.with_list_names(workspace=sequence.workspace, spec=spec))
