"""The base of all step forms, and the form of an email."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django import forms

from events.admin.sequence_editor import lines as wire_lines
from events.admin.sequence_editor.fields import (
    box,
    choice,
    lines,
    read,
    text,
    wire_name,
    written,
)
from events.admin.sequence_editor.times import Wire

# Fields of every step, which are read on their own.
COMMON = ("id", "label", "next")


class StepForm(forms.Form):
    """What every step has; `wire_names` maps a wire path to the field that shows its fault, where
    the field's own name does not say it.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    wire_names: ClassVar[Mapping[str, str]] = {}
    # Fields that have no place on the wire.
    unsent: ClassVar[Collection[str]] = ()
    kept_when_blank: ClassVar[Collection[str]] = ()
    # What stands below the fields, such as further buttons.
    template: ClassVar[str] = ""

    id = forms.CharField(required=False, widget=forms.HiddenInput)
    label = text("Label", "For yourself.")
    # `StepRows` offers the later steps.
    next = choice("Goes on with", {"": "the step after it", "exit": "end"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in [name for name in ("next", "label") if name in self.fields]:
            self.fields[name] = self.fields.pop(name)

    def to_wire(self) -> Wire:
        """Return the step's wire form without blanks; raises `FieldFault`."""
        common = {n: self.cleaned_data.get(n, "") for n in COMMON}
        parts = {**common, **self.own()}
        return {n: part for n, part in parts.items() if part != "" or n in self.kept_when_blank}

    @classmethod
    def names(cls) -> dict[str, str]:
        """Return the field for each wire path; the longer path comes first."""
        known = {*cls.wire_names.values(), *cls.unsent, *COMMON}
        others = (field for field in cls.base_fields if field not in known)
        return {**cls.wire_names, **{wire_name(field): field for field in others}}

    def own(self) -> Wire:
        """Return the wire fields of this kind; raises `FieldFault`."""
        return {name: self.said(field) for name, field in self.names().items()}

    def said(self, field: str) -> Any:  # noqa: ANN401 - JSON
        """Return the wire value of a field; raises `FieldFault`."""
        return read(field, self.fields[field], self.cleaned_data[field])

    @classmethod
    def initial_of(cls, wire: Wire) -> Wire:
        common = {"label": wire.get("label", ""), "next": wire.get("next", "")}
        return {"id": wire["id"], **common, **cls.own_initial(wire)}

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return the initial values of this kind's fields; a missing choice is its first."""
        given = {field: wire[name] for name, field in cls.names().items() if name in wire}
        return {field: written(cls.base_fields[field], value) for field, value in given.items()}

    @property
    def events_by_field(self) -> list[tuple[forms.BoundField, list[str]]]:
        """The events that each field names, as they are typed."""
        found = []
        for name in {"event_name", "rules"} & {*self.fields}:
            text = str(self[name].value() or "")
            names = wire_lines.event_names_in(text) if name == "rules" else [text.strip()]
            found.append((self[name], [*filter(None, names)]))
        return found

    @property
    def heading(self) -> str:
        """The row's name where another row points at it."""
        for name in ("label", "subject", "event_name"):
            given = str(self[name].value() or "") if name in self.fields else ""
            if given:
                return f"{self.title}: {given[:60]}"
        return self.title


class EmailForm(StepForm):
    template = "admin/sequence_editor_email.html"
    kind, title = "email", "Email"
    wire_names: ClassVar = {
        "subject": "subject", "previewText": "preview_text", "bodyFormat": "body_format",
        "html": "html", "body": "html", "text": "text", "useLayout": "use_layout",
        "isTransactional": "is_transactional", "onFailure": "on_failure",
        "respectWindow": "respect_window",
    }  # fmt: skip

    subject = text("Subject", "Merge tags such as {{subscriber.firstName|friend}} work here too.")
    preview_text = text("Preview text", "What inboxes show after the subject.")
    body_format = choice("Body in", {"html": "HTML", "markdown": "Markdown"})
    html = lines(
        "Body",
        "Merge tags: {{subscriber.firstName|friend}}, {{subscriber.attributes.plan}}, "
        "{{event.order.id}}, {{workspace.name}}, {{unsubscribeUrl}}.",
        rows=12,
    )
    text = lines("Plain text", "If empty, it is made from the body.", rows=4)
    use_layout = choice(
        "Layout",
        {"": "the workspace's, if it has one", "no": "without"},
        "A body that is a whole page, with &lt;html&gt;, goes without it too.",
    )
    is_transactional = box(
        "Transactional",
        "Sent to unsubscribed people too. Only for mail they asked for, such as a receipt.",
    )
    on_failure = choice(
        "When the mail fails for good",
        {"continue": "go on", "end": "the enrollment fails"},
        "The mail server refused it, or deferred it for too long.",
    )
    respect_window = box(
        "Keep to the sending window",
        "Transactional mail leaves at any time unless this is set. Other mail always keeps to it.",
    )

    def own(self) -> Wire:
        """Return the body by the name that its format has on the wire."""
        is_markdown = self.said("body_format") == "markdown"
        other = "html" if is_markdown else "body"
        parts = {name: part for name, part in super().own().items() if name != other}
        return {**parts, "useLayout": self.said("use_layout") != "no"}

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        shown = super().own_initial(wire)
        return {**shown, "use_layout": "" if wire.get("useLayout", True) else "no"}
