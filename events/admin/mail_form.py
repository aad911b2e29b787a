"""For whom a mail is previewed, and by which event; by default those of the newest event."""

from datetime import datetime
from typing import Any

from events.admin.sequence_editor.fields import lines, text
from events.admin.simulating import PERSON_HELP, SimulationForm, read_properties
from events.models import Event
from events.services.simulation import people, previewing
from events.services.simulation.entries import AssumedEvent
from events.services.simulation.people import Someone
from subscribers.wire import addresses, json_gate
from subscribers.wire.payloads import InvalidField

# Where nobody is named and no event came yet.
INVENTED = addresses.parse("ada@example.com")
FIRST_NAME, LAST_NAME = "Ada", "Novak"


class MailForm(SimulationForm):
    prefix = "as"
    no_event = ("", "the newest that starts the sequence")
    name = awaited = at = None  # type: ignore[assignment]  # removes the fields

    properties = lines(
        "Properties, as JSON", 'Instead of an event, such as <code>{"plan": "pro"}</code>.'
    )
    person = text(
        "Person", f"{PERSON_HELP} Empty: the person of the newest event.", autocomplete="off"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.newest: Event | None = None
        self.fields["event"].widget.choices = [self.no_event]

    def clean_person(self) -> str:
        name = str(self.cleaned_data["person"])
        if name:
            return super().clean_person()
        self.newest = previewing.latest_event(sequence=self.sequence)
        if self.newest is not None:
            self.subscriber = self.newest.subscriber
            self._offer_events(self.subscriber)
        return name

    def clean(self) -> None:
        """Settle which event comes."""
        chosen = self.cleaned_data.get("event", "")
        given = self.cleaned_data.get("properties", "").strip()
        if chosen and given:
            self.add_error("event", "Choose an event of theirs, or give properties, not both.")
        elif chosen:
            self._take(chosen)
        elif given:
            self._type(given)
        elif not self.errors:
            self._take_newest()

    @property
    def came(self) -> Event | None:
        """The recorded event, if it is one."""
        return self.taken or self.newest

    def someone(self, *, now: datetime) -> Someone:
        """Return the person; for a valid form."""
        if self.subscriber is not None:
            return people.known(self.subscriber)
        workspace, address = self.sequence.workspace, self.address or INVENTED
        someone = people.find_or_imagine(workspace=workspace, address=address, now=now)
        if self.address is None and not someone.is_known:
            someone.subscriber.first_name, someone.subscriber.last_name = FIRST_NAME, LAST_NAME
        return someone

    def as_shown(self) -> dict[str, str]:
        """Return what asks for the same person and event again."""
        theirs = self.taken
        if self.newest and self.subscriber and self.newest.subscriber_id == self.subscriber.pk:
            theirs = theirs or self.newest
        values = {
            "person": self.subscriber.public_id if self.subscriber else self.cleaned_data["person"],
            "event": theirs.public_id if theirs else "",
            "properties": self.cleaned_data["properties"],
        }
        return {self.add_prefix(name): value for name, value in values.items()}

    def _take_newest(self) -> None:
        """Take their newest event that may start the sequence, else anybody's."""
        if self.subscriber and not self.newest:
            self.newest = previewing.latest_event(sequence=self.sequence, person=self.subscriber)
        self.newest = self.newest or previewing.latest_event(sequence=self.sequence)
        if self.newest is not None:
            name = self.newest.definition.name
            self.happening = AssumedEvent(name=name, properties=self.newest.properties)

    def _type(self, given: str) -> None:
        self.newest = None
        try:
            self.happening = AssumedEvent(name="event", properties=read_properties(given))
        except InvalidField as error:
            self.add_error("properties", f"This {error}")
        except json_gate.InvalidJson as error:
            self.add_error("properties", f"This is not usable JSON. {error}")
