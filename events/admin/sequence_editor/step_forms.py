"""The forms of the steps that wait for events, decide and change; and each wire step's form."""

from typing import Any, ClassVar

from events.admin.sequence_editor import lines as wire_lines
from events.admin.sequence_editor.delay_forms import DelayForm, UntilDateForm, UntilWeekdayForm
from events.admin.sequence_editor.fields import (
    NAMES,
    ONE_A_LINE,
    Notation,
    choice,
    lines,
    several,
    text,
)
from events.admin.sequence_editor.row_fields import rows
from events.admin.sequence_editor.row_kinds import BRANCHES, LATER_FILTERS, RULES
from events.admin.sequence_editor.step_form import EmailForm, StepForm
from events.admin.sequence_editor.times import Wire, length_from, length_parts, wire_names
from events.language.steps.kinds.webhook import METHODS

TAGS_HELP = "Separate them with commas."
LISTS_HELP = "One a line, by name."


class WaitForm(StepForm):
    kind, title = "wait_for_event", "Wait for an event"
    wire_names: ClassVar = {"propertyFilters": "filters", **wire_names("timeout")}

    event_name = text("Event", "Its name, such as order.placed.", list="known-events")
    filters = rows("Only where", LATER_FILTERS)
    days = text("For days at most", "7 days when nothing is given; 365 at most.")
    hours, minutes = text("Hours"), text("Minutes")
    on_timeout = choice("When it does not come", {"continue": "go on", "exit": "end"})

    def own(self) -> Wire:
        return {
            "eventName": self.said("event_name"),
            "propertyFilters": self.said("filters"),
            "timeout": length_from(self.cleaned_data) or None,
            "onTimeout": self.said("on_timeout"),
        }

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        shown = super().own_initial({n: part for n, part in wire.items() if n != "timeout"})
        return {**shown, **length_parts(wire.get("timeout", {}))}


class ConditionForm(StepForm):
    kind, title = "condition", "Condition"

    rules = rows("Only if the person", RULES)
    match = choice("Rules that must hold", {"all": "all of them", "any": "any of them"})
    # `StepRows` offers the later steps.
    on_false = choice("Otherwise", {"exit": "end"})

    def said(self, field: str) -> Any:  # noqa: ANN401 - JSON
        """Return `on_false` as it was posted: the offered steps may have changed."""
        return self.data.get(self.add_prefix(field)) if field == "on_false" else super().said(field)


class SplitForm(StepForm):
    kind, title = "split", "Split"
    next = None  # type: ignore[assignment]  # removes the field

    branches = rows("Branches", BRANCHES)


class TagsForm(StepForm):
    kind, title = "update_tags", "Update tags"

    add = text("Add", TAGS_HELP, notation=NAMES, list="known-tags")
    remove = text("Remove", TAGS_HELP, notation=NAMES, list="known-tags")


class ListsForm(StepForm):
    kind, title = "update_list", "Update lists"

    join = lines("Join", LISTS_HELP, rows=2, notation=ONE_A_LINE)
    leave = lines("Leave", LISTS_HELP, rows=2, notation=ONE_A_LINE)


class SubscriberForm(StepForm):
    kind, title = "update_subscriber", "Update subscriber"
    unsent = ("clear",)
    # An empty name clears it.
    kept_when_blank = ("firstName", "lastName")

    first_name, last_name = text("First name"), text("Last name")
    clear = several("Clear", {"first_name": "first name", "last_name": "last name"})
    status = choice("Status", {"": "as it is", "active": "active", "unsubscribed": "unsubscribed"})
    attributes = lines(
        "Attributes",
        "One a line: <code>plan = pro</code>, <code>seats = 5</code>; <code>coupon = null</code> "
        "removes one.",
        notation=Notation(wire_lines.attributes_from, wire_lines.attribute_lines),
    )

    def said(self, field: str) -> Any:  # noqa: ANN401 - JSON
        """Return a field's value, None for what does not change."""
        is_cleared = field in self.cleaned_data["clear"]
        return super().said(field) or ("" if is_cleared else None)

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return what changes; a name that is cleared is ticked."""
        shown = super().own_initial(wire)
        return {**shown, "clear": [field for field, value in shown.items() if value == ""]}


class WebhookForm(StepForm):
    kind, title = "webhook", "Webhook"

    url = text(
        "URL",
        "With https; the call is signed with the workspace's secret. Merge tags may be in its "
        "path and query.",
    )
    method = choice("Method", {each: each for each in METHODS})
    headers = lines(
        "Headers",
        "One a line: <code>Authorization: Bearer …</code>. Values may have merge tags.",
        rows=2,
        notation=Notation(wire_lines.headers_from, wire_lines.header_lines),
    )
    body = lines(
        "Body",
        "JSON; its texts may have merge tags, such as "
        "<code>{&quot;plan&quot;: &quot;{{event.plan}}&quot;}</code>, and one that stands alone "
        "keeps its type. If empty, Cueline sends its own body, which the handbook describes.",
        rows=4,
    )
    on_error = choice(
        "When it fails for good",
        {"fail": "the enrollment fails", "continue": "go on", "exit": "end"},
    )


class ExitForm(StepForm):
    kind, title = "exit", "Exit"
    next = None  # type: ignore[assignment]  # removes the field


FORMS: dict[str, type[StepForm]] = {
    form.kind: form
    for form in (
        EmailForm, DelayForm, UntilDateForm, UntilWeekdayForm, WaitForm, ConditionForm, SplitForm,
        TagsForm, ListsForm, SubscriberForm, WebhookForm, ExitForm,
    )
}  # fmt: skip


def form_kind_of(wire: Wire) -> str:
    """Return which form a step of the wire has: a delay has one for each mode."""
    mode = wire.get("mode", "duration")
    kind: str = wire["type"]
    return mode if kind == "delay" and mode != "duration" else kind


def wire_kind_of(form_kind: str) -> str:
    return "delay" if form_kind in {"until_date", "until_weekday"} else form_kind
