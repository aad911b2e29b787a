"""An operator edits a person's profile, tags and lists on a page of its own."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, cast
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from config.admin_base import RowAction, admin_url, list_url, view_url
from config.quick_select import QuickSelect
from subscribers.admin.circumstances import by_operator
from subscribers.admin.subscriber_identity import IdentityActions
from subscribers.models import List, ListMembership, Subscriber
from subscribers.services.audience import tags
from subscribers.services.people import editing, erasing
from subscribers.services.people.editing import Change, Edit
from subscribers.wire import json_gate, payloads, tag_names

EDIT = RowAction(
    name="editing",
    label="Edit",
    explanation="Names, tags, lists, attributes, time zone, external id.",
    is_link=True,
)
MOST_LISTS = 500
LONGEST_SHOWN = 80
TITLES = {
    "first_name": "First name", "last_name": "Last name", "external_id": "External id",
    "timezone": "Time zone", "tags": "Tags", "lists": "Lists",
}  # fmt: skip
COLUMNS = {"first_name", "last_name", "external_id", "timezone"}
UNUSABLE = "The page is not as it was sent to you. Open it again."
# The skin does not escape help texts.
JSON_HELP = "A JSON object, such as {&quot;plan&quot;: &quot;team&quot;, &quot;seats&quot;: 5}."
STARTS_HELP = (
    "New tags and lists then start and end enrollments, as they do by the API. Without the tick "
    "no sequence takes notice."
)


class ProfileForm(forms.Form):
    """The profile as it is; only what differs from what the page showed is changed."""

    first_name = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget())
    last_name = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget())
    external_id = forms.CharField(
        label="External id", required=False, widget=UnfoldAdminTextInputWidget(),
        help_text="Your application's own id of the person. Only one person has it.",
    )  # fmt: skip
    timezone = forms.ChoiceField(label="Time zone", required=False, widget=QuickSelect())
    tags = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget(), help_text="Commas between them."
    )
    lists = forms.MultipleChoiceField(
        required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )
    attributes = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "class": "cueline-code"}),
        help_text=JSON_HELP,
    )
    starts = forms.BooleanField(
        label="Start sequences", required=False, widget=UnfoldBooleanWidget(), help_text=STARTS_HELP
    )

    def __init__(self, person: Subscriber, data: Any = None) -> None:  # noqa: ANN401 - a `QueryDict`
        super().__init__(data, initial=_shown(person))
        zones = {person.timezone, *_zones()} - {""}
        self._field("timezone").choices = [
            ("", "The workspace's"),
            *((z, z) for z in sorted(zones)),
        ]
        rows = List.objects.filter(workspace=person.workspace_id).order_by("name")[:MOST_LISTS]
        self._field("lists").choices = [(row.pk.hex, row.name) for row in rows]
        for name, field in self.fields.items():
            # The page carries what it showed: a change that was made meanwhile is kept.
            field.show_hidden_initial = name != "starts"

    def _field(self, name: str) -> Any:  # noqa: ANN401 - a choice field
        return self.fields[name]

    def clean_first_name(self) -> str:
        return self._text("first_name")

    def clean_last_name(self) -> str:
        return self._text("last_name")

    def clean_external_id(self) -> str | None:
        return self._text("external_id") or None

    def clean_tags(self) -> list[str]:
        try:
            return _tag_names(self.cleaned_data["tags"])
        except tag_names.InvalidTagName as error:
            raise forms.ValidationError(f"A name {error}") from error

    def clean_attributes(self) -> dict[str, Any]:
        try:
            return _attributes(self.cleaned_data["attributes"])
        except json_gate.InvalidJson as error:
            raise forms.ValidationError(str(error).replace("The body", "This", 1)) from error
        except payloads.InvalidField as error:
            raise forms.ValidationError(f"This {error}") from error

    def clean(self) -> None:
        """Compare what was posted with what the page showed."""
        if not self.errors:
            try:
                self.wanted = self._difference()
            except (ValueError, json_gate.InvalidJson, payloads.InvalidField) as error:
                raise forms.ValidationError(UNUSABLE) from error

    def _text(self, name: str) -> str:
        value = str(self.cleaned_data[name])
        if not value:
            return ""
        try:
            return payloads.read_text(value, longest=payloads.LONGEST_EXTERNAL_ID)
        except payloads.InvalidField as error:
            raise forms.ValidationError(f"It {error}") from error

    def _difference(self) -> Edit:
        given, posted = self.cleaned_data, cast("QueryDict", self.data)
        tags_before, tags_now = set(_tag_names(self._before("tags"))), set(given["tags"])
        lists_before, lists_now = set(posted.getlist("initial-lists")), set(given["lists"])
        before, now = _attributes(self._before("attributes")), given["attributes"]
        changed = {
            name: value
            for name, value in now.items()
            if name not in before or not json_gate.is_same(value, before[name])
        }
        return Edit(
            columns={name: given[name] for name in COLUMNS & set(self.changed_data)},
            attributes={**dict.fromkeys(before.keys() - now), **changed},
            tags_added=tags_now - tags_before,
            tags_removed=tags_before - tags_now,
            lists_joined=_list_ids(lists_now - lists_before),
            lists_left=_list_ids(lists_before - lists_now),
        )

    def _before(self, name: str) -> str:
        return str(self.data.get(self.add_initial_prefix(name), ""))


class EditingActions(IdentityActions):
    """The button and page that edit the profile."""

    def row_actions(self, request: HttpRequest, row: Subscriber) -> Sequence[RowAction]:
        return [EDIT, *super().row_actions(request, row)]

    def action_urls(self) -> list[URLPattern]:
        return [
            *super().action_urls(),
            self.view_url("editing", self.show_editing),
            self.action_url("edit", self.edit),
        ]

    def show_editing(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        if not self.may_act(request, subscriber):
            raise PermissionDenied
        return self._edit_page(request, subscriber, ProfileForm(subscriber))

    def edit(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse | None:
        form = ProfileForm(subscriber, request.POST)
        if not form.is_valid():
            return self._edit_page(request, subscriber, form)
        try:
            changes = editing.edit(
                subscriber_id=subscriber.pk,
                wanted=form.wanted,
                attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
                starts_sequences=form.cleaned_data["starts"],
                circumstances=by_operator(request),
                now=timezone.now(),
            )
        except editing.ExternalIdTaken as error:
            form.add_error("external_id", str(error))
            return self._edit_page(request, subscriber, form)
        except payloads.InvalidRequest as error:
            form.add_error("attributes", str(error))
            return self._edit_page(request, subscriber, form)
        except erasing.SubscriberGone as error:
            messages.warning(request, str(error))
            return HttpResponseRedirect(list_url(Subscriber))
        if not changes:
            messages.info(request, "Nothing changed.")
            return None
        words = "; ".join(in_words(changes))
        self.tell_done(request, subscriber, f"Edited: {words}", said="The profile is changed.")
        return None

    def _edit_page(
        self, request: HttpRequest, subscriber: Subscriber, form: ProfileForm
    ) -> HttpResponse:
        return self.page(
            request,
            "admin/edit_subscriber.html",
            title=f"Edit {subscriber}",
            row=subscriber,
            back=admin_url(subscriber),
            address=view_url(subscriber, "edit"),
            address_change=view_url(subscriber, "changing-address"),
            form=form,
        )


def in_words(changes: Sequence[Change]) -> Iterator[str]:
    """Say each change with its old and new value, for the log."""
    for each in changes:
        if each.name == "attributes":
            for name in sorted(each.old.keys() | each.new):
                old, new = each.old.get(name), each.new.get(name)
                if not json_gate.is_same(old, new):
                    yield f"{name[:LONGEST_SHOWN]}: {_value(old)} → {_value(new)}"
        elif each.name in {"tags", "lists"}:
            parts = (("added", each.new), ("removed", each.old))
            said = ", ".join(f"{verb} {', '.join(names)}" for verb, names in parts if names)
            yield f"{TITLES[each.name]}: {said}"
        else:
            yield f"{TITLES[each.name]}: {_value(each.old)} → {_value(each.new)}"


def _value(value: object) -> str:
    if value in (None, ""):
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"“{text[:LONGEST_SHOWN]}{'…' * (len(text) > LONGEST_SHOWN)}”"


def _shown(person: Subscriber) -> dict[str, Any]:
    on = ListMembership.objects.filter(subscriber=person, unsubscribed_at=None)
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "external_id": person.external_id or "",
        "timezone": person.timezone,
        "tags": ", ".join(sorted(tags.names_of(person).values())),
        "lists": [list_id.hex for list_id in on.values_list("list_id", flat=True)],
        "attributes": json.dumps(person.attributes, ensure_ascii=False, indent=2),
    }


def _tag_names(text: str) -> list[str]:
    return [tag_names.normalise(part) for part in text.split(",") if part.strip()]


def _attributes(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    value = json_gate.decode(text.encode(errors="surrogatepass"))
    return payloads.read_object(value, settings.MAX_ATTRIBUTES_BYTES)


def _list_ids(texts: set[str]) -> list[UUID]:
    return [UUID(hex=text) for text in sorted(texts)]


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
