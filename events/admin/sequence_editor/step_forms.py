"""The forms of the steps that wait, decide and change; and which form a step has."""

from typing import ClassVar

from events.admin.sequence_editor import lines as wire_lines
from events.admin.sequence_editor.delay_forms import DelayForm, UntilDateForm, UntilWeekdayForm
from events.admin.sequence_editor.fields import FILTERS_HELP, choice, lines, several, text
from events.admin.sequence_editor.step_form import EmailForm, StepForm
from events.admin.sequence_editor.times import Wire, length_from, length_parts

TAGS_HELP = "With commas between."
LISTS_HELP = "One a line, by name."


class WaitForm(StepForm):
    """Until an event comes."""

    kind, title = "wait_for_event", "Wait for an event"
    wire_names: ClassVar = {
        "eventName": "event_name",
        "propertyFilters": "filters",
        "timeout.days": "days",
        "timeout.hours": "hours",
        "timeout.minutes": "minutes",
        "timeout": "days",
        "onTimeout": "on_timeout",
    }

    event_name = text("Event", "Its name, such as order.placed.")
    filters = lines("Only where", FILTERS_HELP)
    days = text("For days at most", "7 days when nothing is given; 365 at most.")
    hours, minutes = text("Hours"), text("Minutes")
    on_timeout = choice("When it does not come", {"continue": "go on", "exit": "end"})

    def own(self) -> Wire:
        """Return the event and how long it is waited for."""
        return {
            "eventName": self.cleaned_data["event_name"],
            "propertyFilters": self.read_lines("filters", wire_lines.filters_from),
            "timeout": length_from(self.cleaned_data) or None,
            "onTimeout": self.cleaned_data["on_timeout"],
        }

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return the event and how long it is waited for."""
        return {
            "event_name": wire.get("eventName", ""),
            "filters": wire_lines.filter_lines(wire.get("propertyFilters", [])),
            "on_timeout": wire.get("onTimeout", "continue"),
            **length_parts(wire.get("timeout", {})),
        }


class ConditionForm(StepForm):
    """Who goes on."""

    kind, title = "condition", "Condition"
    wire_names: ClassVar = {"rules": "rules", "match": "match", "onFalse": "on_false"}

    rules = lines(
        "Only if",
        "One a line: <code>tag vip</code>, <code>no_tag lead</code>, <code>list News</code>, "
        "<code>no_list News</code>, <code>attribute plan equals pro</code>, "
        "<code>event_property total greater_than 100</code> (of the event that began it), "
        "<code>did_event order.placed</code> or <code>did_not_event order.placed</code> (since "
        "entry), <code>did_event_ever</code>, <code>did_not_event_ever</code>.",
    )
    match = choice("Met by", {"all": "all of them", "any": "any of them"})
    # The later steps are offered by whoever knows them.
    on_false = choice("Otherwise", {"exit": "end"})

    def own(self) -> Wire:
        """Return the rules and where they lead."""
        return {
            "rules": self.read_lines("rules", wire_lines.rules_from),
            "match": self.cleaned_data["match"],
            "onFalse": self.data.get(self.add_prefix("on_false")),
        }

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return the rules and where they lead."""
        return {
            "rules": wire_lines.rule_lines(wire.get("rules", [])),
            "match": wire.get("match", "all"),
            "on_false": wire.get("onFalse", "exit"),
        }


class TagsForm(StepForm):
    """Tags to put on and take off."""

    kind, title = "update_tags", "Update tags"
    wire_names: ClassVar = {"add": "add", "remove": "remove"}

    add, remove = text("Add", TAGS_HELP), text("Remove", TAGS_HELP)

    def own(self) -> Wire:
        """Return the tags."""
        return {name: wire_lines.names_from(self.cleaned_data[name]) for name in self.wire_names}

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return the tags."""
        return {name: ", ".join(wire.get(name, ())) for name in cls.wire_names}


class ListsForm(StepForm):
    """Lists to join and leave."""

    kind, title = "update_list", "Update lists"
    wire_names: ClassVar = {"join": "join", "leave": "leave"}

    join, leave = lines("Join", LISTS_HELP, rows=2), lines("Leave", LISTS_HELP, rows=2)

    def own(self) -> Wire:
        """Return the lists."""
        cleaned = self.cleaned_data
        return {n: wire_lines.names_from(cleaned[n], separator="\n") for n in self.wire_names}

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return the lists."""
        return {name: "\n".join(wire.get(name, ())) for name in cls.wire_names}


class SubscriberForm(StepForm):
    """What to change of the person."""

    kind, title = "update_subscriber", "Update subscriber"
    wire_names: ClassVar = {
        "firstName": "first_name",
        "lastName": "last_name",
        "status": "status",
        "attributes": "attributes",
    }
    # An empty name clears it.
    told_when_blank = ("firstName", "lastName")

    first_name, last_name = text("First name"), text("Last name")
    clear = several("Clear", {"first_name": "first name", "last_name": "last name"})
    status = choice("Status", {"": "as it is", "active": "active", "unsubscribed": "unsubscribed"})
    attributes = lines(
        "Attributes",
        "One a line: <code>plan = pro</code>, <code>seats = 5</code>; <code>coupon = null</code> "
        "takes one away.",
    )

    def own(self) -> Wire:
        """Return what changes."""
        cleaned = self.cleaned_data
        return {
            "firstName": self._name("first_name"),
            "lastName": self._name("last_name"),
            "status": cleaned["status"] or None,
            "attributes": self.read_lines("attributes", wire_lines.attributes_from) or None,
        }

    def _name(self, field: str) -> str | None:
        return self.cleaned_data[field] or ("" if field in self.cleaned_data["clear"] else None)

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return what changes."""
        names = {"first_name": wire.get("firstName"), "last_name": wire.get("lastName")}
        return {
            **names,
            "clear": [field for field, name in names.items() if name == ""],
            "status": wire.get("status", ""),
            "attributes": wire_lines.attribute_lines(wire.get("attributes", {})),
        }


class WebhookForm(StepForm):
    """A URL to call."""

    kind, title = "webhook", "Webhook"
    wire_names: ClassVar = {"url": "url", "onError": "on_error"}

    url = text("URL", "With https; the call is signed with the workspace's secret.")
    on_error = choice(
        "When it fails for good",
        {"fail": "the enrollment fails", "continue": "go on", "exit": "end"},
    )

    def own(self) -> Wire:
        """Return the URL and what a failure does."""
        return {"url": self.cleaned_data["url"], "onError": self.cleaned_data["on_error"]}

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        """Return the URL and what a failure does."""
        return {"url": wire.get("url", ""), "on_error": wire.get("onError", "fail")}


class ExitForm(StepForm):
    """The end."""

    kind, title = "exit", "Exit"


FORMS: dict[str, type[StepForm]] = {
    form.kind: form
    for form in (
        EmailForm, DelayForm, UntilDateForm, UntilWeekdayForm, WaitForm, ConditionForm, TagsForm,
        ListsForm, SubscriberForm, WebhookForm, ExitForm,
    )
}  # fmt: skip


def form_kind_of(wire: Wire) -> str:
    """Return which form a step of the wire has: a delay has one for each mode."""
    mode = wire.get("mode", "duration")
    kind: str = wire["type"]
    return mode if kind == "delay" and mode != "duration" else kind


def wire_kind_of(form_kind: str) -> str:
    """Return the step's type on the wire."""
    return "delay" if form_kind in {"until_date", "until_weekday"} else form_kind
