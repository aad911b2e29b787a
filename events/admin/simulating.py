"""What a sequence would do for one person: a form by GET, the dated path, and the mails."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget

from config.admin_base import BaseAdmin, admin_url, view_url
from config.readable import json_value
from events.admin import named_person
from events.admin.clocks import clocks
from events.admin.flow_drawing import step_address
from events.admin.sequence_editor.fields import choice, lines, text
from events.intake.payloads import LONGEST_NAME
from events.language import timing
from events.language.steps.kinds.webhook import MASK
from events.models import Event, Sequence
from events.services import simulation as simulating
from events.services.simulation import AssumedEvent, Awaited, Simulation, Visit
from events.wording import simulation as words
from subscribers import ids
from subscribers.admin.mail_preview import frame, sandboxed
from subscribers.models import Subscriber
from subscribers.services.audience.named_people import NobodyNamed
from subscribers.wire import addresses, json_gate, link_tokens
from subscribers.wire.addresses import Address
from subscribers.wire.payloads import InvalidField, read_object, read_text

LATEST_EVENTS = 20
# The form is an address, which servers and browsers bound.
LONGEST_PROPERTIES = 4000
FIRST_YEAR, LAST_YEAR = 2000, 2100
AWAITED: Mapping[str, str] = {
    Awaited.TIMEOUT: "never come, so waits time out",
    Awaited.EVENT: "come at once",
}
NO_EVENT = ("", "none: as given below")
PERSON_HELP = "An address, an external id or a sub_… id. An unknown address is a new person."


class SimulationForm(forms.Form):
    """The person, what happens to them and when; nothing is stored."""

    no_event = NO_EVENT

    person = text("Person", PERSON_HELP, autocomplete="off")
    # Takes any value: which events there are is known once the person is.
    event = forms.CharField(
        required=False,
        label="Event of theirs",
        widget=UnfoldAdminSelectWidget(choices=[NO_EVENT]),
    )
    name = text("Event name", "Empty: the trigger of the sequence.")
    properties = lines("Properties of the event, as JSON", 'Such as <code>{"plan": "pro"}</code>.')
    awaited = choice("Events that steps wait for", AWAITED)
    at = text("Begins at", type="datetime-local")

    def __init__(self, *args: Any, sequence: Sequence, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sequence = sequence
        self.zone = timing.zone_of(sequence.workspace.timezone)
        self.subscriber: Subscriber | None = None
        self.address: Address | None = None
        self.happening: AssumedEvent | None = None
        # The event of theirs that was chosen.
        self.taken: Event | None = None
        if "at" in self.fields:
            self.fields["at"].help_text = f"By the clock of {self.zone.key}. Empty: now."

    def clean_person(self) -> str:
        name = str(self.cleaned_data["person"])
        address = name
        try:
            self.subscriber = named_person.find(workspace=self.sequence.workspace, name=name)
        except NobodyNamed as error:
            unknown = str(error)
        else:
            unknown, address = "", self.subscriber.email
            self._offer_events(self.subscriber)
        try:
            self.address = addresses.parse(address)
        except addresses.InvalidAddress as error:
            raise forms.ValidationError(unknown or f"The stored address {error}") from error
        return name

    def clean_at(self) -> datetime:
        given = self.cleaned_data["at"]
        if not given:
            return timezone.now()
        try:
            moment = datetime.fromisoformat(given)
        except ValueError as error:
            raise forms.ValidationError("Write it as 2026-01-31T09:30.") from error
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise forms.ValidationError(f"The year must be {FIRST_YEAR} to {LAST_YEAR}.")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        return moment.astimezone(UTC)

    def clean_awaited(self) -> Awaited:
        return Awaited(self.cleaned_data["awaited"] or Awaited.TIMEOUT)

    def clean(self) -> None:
        """Settle which event comes."""
        given, name = self.cleaned_data.get("properties", "").strip(), self.cleaned_data["name"]
        if chosen := self.cleaned_data["event"]:
            if given or name:
                self.add_error("event", "Choose an event of theirs, or give one below, not both.")
                return
            self._take(chosen)
            return
        name = name or str(self.sequence.trigger_config.get("event_name", ""))
        if not name:
            if given:
                self.add_error("name", "No event starts this sequence: name the one that comes.")
            return
        if not given and not self.cleaned_data["name"]:
            return
        try:
            name = read_text(name, longest=LONGEST_NAME)
        except InvalidField as error:
            self.add_error("name", f"The name {error}")
            return
        try:
            self.happening = AssumedEvent(name=name, properties=read_properties(given))
        except InvalidField as error:
            self.add_error("properties", f"This {error}")
        except json_gate.InvalidJson as error:
            self.add_error("properties", f"This is not usable JSON. {error}")

    def simulate(self) -> Simulation | None:
        """Return what would happen; None until the form is filled in well."""
        if not self.is_valid() or self.address is None:
            return None
        return simulating.simulate(
            sequence=self.sequence,
            address=self.address,
            now=self.cleaned_data["at"],
            happening=self.happening,
            awaited=self.cleaned_data["awaited"],
            is_as_if_active=self.sequence.status != Sequence.Status.ARCHIVED,
        )

    def _offer_events(self, person: Subscriber) -> None:
        """Offer the person's latest events."""
        rows = Event.objects.filter(subscriber=person).select_related("definition")
        latest = rows.defer("properties", "effects").order_by("-occurred_at", "-id")
        self.fields["event"].widget.choices = [
            self.no_event,
            *(
                (each.public_id, f"{each.definition.name}, {_local(each, self.zone)}")
                for each in latest[:LATEST_EVENTS]
            ),
        ]

    def _take(self, public_id: str) -> None:
        row_id = ids.decode("evt", public_id)
        event = None
        if self.subscriber and row_id:
            rows = Event.objects.select_related("definition")
            event = rows.filter(pk=row_id, subscriber=self.subscriber).first()
        if event is None:
            self.add_error("event", "The person has no such event.")
            return
        self.taken = event
        self.happening = AssumedEvent(name=event.definition.name, properties=event.properties)


@dataclass(frozen=True, slots=True)
class ShownStep:
    number: int
    at: SafeString
    label: str
    decision: str
    mail: "ShownMail | None"
    # What a webhook would send.
    request: SafeString | None


@dataclass(frozen=True, slots=True)
class ShownMail:
    subject: str
    sender: str
    recipient: str
    text: str
    frame: SafeString | None
    notes: list[str]
    # The page with this mail on two screens, and a test of it.
    preview_address: str


def show(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> HttpResponse:
    data = request.GET if "person" in request.GET else None
    form = SimulationForm(data, sequence=sequence)
    simulation = form.simulate()
    context: dict[str, object] = {"form": form, "sequence": sequence, "zone": form.zone.key}
    if simulation is not None:
        may_edit = page.may_act(request, sequence)
        context |= _shown(simulation, request, form.zone, may_edit=may_edit)
    title = f"Simulate {sequence}"
    return page.page(request, "admin/simulate_sequence.html", title=title, **context)


def show_mail(request: HttpRequest, sequence: Sequence) -> HttpResponse:
    """Return the HTML of one mail of the same simulation, where nothing in it can run."""
    simulation = SimulationForm(request.GET, sequence=sequence).simulate()
    place = request.GET.get("visit", "")
    if simulation is None or not (place.isascii() and place.isdigit() and len(place) < 6):  # noqa: PLR2004 - far more than the longest path
        raise Http404
    visits = simulation.path.visits
    visit = visits[int(place)] if int(place) < len(visits) else None
    if visit is None or visit.mail is None:
        raise Http404
    return sandboxed(link_tokens.hidden(visit.mail.html))


def _shown(
    simulation: Simulation, request: HttpRequest, zone: ZoneInfo, *, may_edit: bool
) -> dict[str, object]:
    sequence, person = simulation.sequence, simulation.someone.subscriber
    asked = {name: value for name, value in request.GET.items() if name != "at"}
    asked["at"] = simulation.begins_at.isoformat()
    address = f"{view_url(sequence, 'simulated-mail')}?{urlencode(asked)}"
    theirs = timing.zone_for("", subscriber=person.timezone, workspace=sequence.workspace.timezone)
    own = theirs if theirs.key != zone.key else None
    shown = [
        ShownStep(
            number=visit.placed.position + 1,
            at=clocks(words.moment_of(visit), zone, own),
            label=label,
            decision=decision,
            mail=_mail(visit, f"{address}&visit={place}", _preview_address(sequence, visit, asked)),
            request=_request(visit, may_edit=may_edit),
        )
        for place, (visit, label, decision) in enumerate(words.told(simulation))
    ]
    ending = simulation.path.ending
    return {
        "simulation": simulation,
        "entry": words.entry_in_words(simulation.entry),
        "person": person,
        "person_address": admin_url(person) if simulation.someone.is_known else "",
        "their_zone": own.key if own else "",
        "steps": shown,
        "ending": ending and words.ending_in_words(ending),
        "ending_at": ending and clocks(ending.at, zone, own),
    }


def _preview_address(sequence: Sequence, visit: Visit, asked: Mapping[str, Any]) -> str:
    number = visit.placed.position + 1
    address = step_address(sequence, sequence.current_version, number, "mail")
    given = {f"as-{name}": asked.get(name, "") for name in ("person", "event", "properties")}
    return f"{address}&{urlencode(given)}"


def _mail(visit: Visit, address: str, preview_address: str) -> ShownMail | None:
    mail = visit.mail
    if mail is None:
        return None
    return ShownMail(
        subject=link_tokens.hidden(mail.subject) or "(no subject)",
        sender=mail.sender,
        recipient=mail.recipient,
        text=link_tokens.hidden(mail.text),
        frame=frame(address) if mail.html else None,
        notes=[f"{note}." for note in mail.notes.splitlines()],
        preview_address=preview_address,
    )


def _request(visit: Visit, *, may_edit: bool) -> SafeString | None:
    call = visit.call
    if call is None:
        return None
    url = call.url if may_edit else call.masked_url
    sent = {"method": call.method, "url": url, "headers": dict(call.masked_headers)}
    body = json_gate.decode(call.body) if call.body else None
    if body is not None and not may_edit:
        body = MASK
    return json_value(sent if body is None else {**sent, "body": body})


def read_properties(given: str) -> dict[str, Any]:
    """Return the typed properties; raises `InvalidField` and `InvalidJson`."""
    if not given:
        return {}
    if len(given) > LONGEST_PROPERTIES:
        raise InvalidField(f"has more than {LONGEST_PROPERTIES:,} characters.")
    value = json_gate.decode(given.encode("utf-8", "surrogatepass"))
    return read_object(value, settings.MAX_PROPERTIES_BYTES)


def _local(event: Event, zone: ZoneInfo) -> str:
    return f"{event.occurred_at.astimezone(zone):%Y-%m-%d %H:%M}"
