"""What the form of every step has, and the form of a mail."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from django import forms

from events.admin.sequence_editor import lines as wire_lines
from events.admin.sequence_editor.fields import FieldFault, box, lines, text
from events.admin.sequence_editor.times import Wire


class StepForm(forms.Form):
    """What every step has; `wire_names` says by which field a fault of the wire is shown."""

    kind: ClassVar[str]
    title: ClassVar[str]
    wire_names: ClassVar[Mapping[str, str]] = {}
    told_when_blank: ClassVar[Collection[str]] = ()

    id = forms.CharField(required=False, widget=forms.HiddenInput)
    label = text("Label", "For yourself.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Put the label last: what the step does comes first."""
        super().__init__(*args, **kwargs)
        self.fields["label"] = self.fields.pop("label")

    def to_wire(self) -> Wire:
        """Return the step in the wire's words, blanks left out; raises `FieldFault`."""
        parts = {"id": self.cleaned_data["id"], "label": self.cleaned_data["label"], **self.own()}
        return {n: part for n, part in parts.items() if part != "" or n in self.told_when_blank}

    def own(self) -> Wire:
        """Return what this kind has beside that."""
        return {}

    @classmethod
    def initial_of(cls, wire: Wire) -> Wire:
        """Return what the form shows of a step."""
        return {"id": wire["id"], "label": wire.get("label", ""), **cls.own_initial(wire)}

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return what it shows of what this kind has."""
        return wire

    @property
    def heading(self) -> str:
        """What the row is called where another points at it."""
        for name in ("label", "subject", "event_name"):
            given = str(self[name].value() or "") if name in self.fields else ""
            if given:
                return f"{self.title}: {given[:60]}"
        return self.title

    def read_lines(self, name: str, read: Callable[[str], Any]) -> Any:  # noqa: ANN401 - JSON
        """Return what a field's lines say; raises `FieldFault`."""
        try:
            return read(self.cleaned_data[name])
        except wire_lines.UnreadableLine as error:
            raise FieldFault(name, str(error)) from error


class EmailForm(StepForm):
    """A mail."""

    kind, title = "email", "Email"
    wire_names: ClassVar = {
        "subject": "subject",
        "previewText": "preview_text",
        "html": "html",
        "text": "text",
        "isTransactional": "is_transactional",
    }

    subject = text("Subject", "Merge tags such as {{subscriber.firstName|friend}} work here too.")
    preview_text = text("Preview text", "What inboxes show after the subject.")
    html = lines(
        "HTML",
        "Merge tags: {{subscriber.firstName|friend}}, {{subscriber.attributes.plan}}, "
        "{{event.order.id}}, {{workspace.name}}, {{unsubscribeUrl}}.",
        rows=12,
    )
    text = lines("Plain text", "Made from the HTML when it is empty.", rows=4)
    is_transactional = box(
        "Transactional",
        "Goes to those who unsubscribed too. Only for what somebody asked for, such as a receipt.",
    )

    def own(self) -> Wire:
        """Return subject, texts and kind."""
        cleaned = self.cleaned_data
        return {wire: cleaned[field] for wire, field in self.wire_names.items()}

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return subject, texts and kind."""
        return {field: wire.get(name, "") for name, field in cls.wire_names.items()}
