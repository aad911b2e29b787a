"""The forms of the steps that wait for a time."""

from typing import Any, ClassVar

from events.admin.sequence_editor import fields, times
from events.admin.sequence_editor.fields import box, choice, several, text
from events.admin.sequence_editor.step_form import StepForm
from events.admin.sequence_editor.times import Wire
from events.language.timing.windows import MIDNIGHT

ACTIONS = {"continue": "go on at once", "skip": "leave out the next step", "exit": "end"}


class DelayForm(StepForm):
    kind, title = "delay", "Delay"
    days = text("Days", "Calendar days. For exactly 24 hours, use hours.")
    hours, minutes = text("Hours"), text("Minutes")
    # Shown only where a length has them: callers may give milliseconds.
    seconds = text("Seconds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self["seconds"].value():
            del self.fields["seconds"]

    def own(self) -> Wire:
        return times.length_from(self.cleaned_data)

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        return times.length_parts(wire)


class UntilDateForm(StepForm):
    """Waits until a date from the event or the person."""

    kind, title = "until_date", "Delay until a date"
    wire_names: ClassVar = times.wire_names("offset")

    field = text("Field", "Path of the date, such as renewal.date.", list="known-properties")
    source = choice("Of", {"event": "the event", "subscriber": "the person's attributes"})
    direction = choice("Offset", {"after": "after the date", "before": "before the date"})
    days, hours, minutes = text("Days"), text("Hours"), text("Minutes")
    anniversary = box("Each year", "Waits for the next anniversary of the date, as of a birthday.")
    missing_action = choice("When there is no date", ACTIONS)
    past_action = choice("When it is past", ACTIONS)

    def own(self) -> Wire:
        cleaned = self.cleaned_data
        offset = times.length_from(cleaned)
        return {
            "mode": "until_date",
            "field": cleaned["field"],
            "source": cleaned["source"],
            "missingAction": cleaned["missing_action"],
            "pastAction": cleaned["past_action"],
            "anniversary": cleaned["anniversary"],
            **({"offset": offset, "direction": cleaned["direction"]} if offset else {}),
        }

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        names = {"missingAction": "missing_action", "pastAction": "past_action"}
        shown = {names.get(name, name): value for name, value in wire.items() if name != "offset"}
        return {**shown, **times.length_parts(wire.get("offset", {}))}


class UntilWeekdayForm(StepForm):
    """Waits until certain hours of certain days."""

    kind, title = "until_weekday", "Delay until a day and hour"
    wire_names: ClassVar = times.HOURS_NAMES

    weekdays = several("Days", fields.WEEK)
    start = text("From", fields.START_HELP)
    end = text("To", "If empty, the wait ends at the next start; 24:00 is the end of the day.")
    timezone = text("Time zone", fields.ZONE_HELP)

    def own(self) -> Wire:
        return {"mode": "until_weekday", **times.hours_from(self.cleaned_data)}

    @classmethod
    def own_initial(cls, wire: Wire) -> Wire:
        hours = times.hours_initial(wire)
        # A blank means another thing than midnight here.
        is_midnight = wire.get("endTime") == MIDNIGHT and hours["start"]
        return {**hours, "end": "24:00"} if is_midnight else hours
