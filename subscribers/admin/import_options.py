"""The parts of an import's form that are not about columns: how the file is written, and what its
rows may do.
"""

from collections.abc import Mapping
from typing import Any, cast
from zoneinfo import available_timezones

import msgspec
from django import forms
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from config.quick_select import QuickSelect
from events.intake.products import PRESETS
from events.services.history.importing import Attributes
from subscribers.models import ImportRun
from subscribers.rows import name_cells
from subscribers.rows.csv_rows import DELIMITERS
from subscribers.rows.encodings import is_encoding
from subscribers.rows.plans import ColumnPlan, value_key
from subscribers.rows.status_words import GRAVEST_FIRST, status_of
from subscribers.services.imports import people, uploads
from subscribers.services.imports.people import Duplicates, OptInMode, presets

Choices = list[tuple[str, str]]


def select(label: str, choices: Choices, help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, required=False, help_text=help_text,
        widget=QuickSelect(),
    )  # fmt: skip


def _text(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=500, help_text=help_text,
        widget=UnfoldAdminTextInputWidget(),
    )  # fmt: skip


def lines_of_text(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=5000, help_text=help_text,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )  # fmt: skip


def _tick(label: str, help_text: str = "") -> forms.BooleanField:
    return forms.BooleanField(
        label=label, required=False, help_text=help_text, widget=UnfoldBooleanWidget()
    )


class DialectForm(forms.Form):
    """How the file is written; after a change here it is looked through again first."""

    encoding = _text(
        "Encoding", "Such as cp1252. Leave it blank for UTF-8, or UTF-16 with a byte order mark."
    )
    delimiter = select("Delimiter between cells", [
        ("", "As in the header"),
        *((each, {"\t": "tab"}.get(each, each)) for each in DELIMITERS),
    ])  # fmt: skip
    sheet = _text("Sheet of a workbook", "Leave it blank for the first one.")
    format = select("Format", [
        ("", "As the file's name says"), ("csv", "CSV"), ("jsonl", "JSON, one object a line"),
    ])  # fmt: skip

    def clean_encoding(self) -> str:
        name = str(self.cleaned_data["encoding"]).strip()
        if name and not is_encoding(name):
            raise forms.ValidationError("There is no such encoding; give one such as cp1252.")
        return name


class OptionsForm(forms.Form):
    """What both kinds of files have."""

    # Titles by the name of the preset.
    products: Mapping[str, str]

    preset = select(
        "Product", [], "The product that wrote the file; its columns and words are known then. "
        "After a change the file is looked through again before anything is imported.",
    )  # fmt: skip
    timezone = select("Time zone", [], "For times without a time zone.")
    as_text = _tick("Keep attributes and properties as text", "Numbers, true, false and null too.")

    def __init__(self, run: ImportRun, plan: ColumnPlan, data: Any = None) -> None:  # noqa: ANN401 - a `QueryDict`
        upload = uploads.upload_of(run)
        self.run, self.plan, self.wishes = run, plan, upload.wishes
        super().__init__(data, initial=self.shown(upload.chosen))
        zones = sorted({*available_timezones(), run.workspace.timezone})
        usual = f"The product's, or the workspace's ({run.workspace.timezone})"
        self._offer("timezone", usual, {each: each for each in zones})
        self._offer("preset", "No product in particular", self.products)

    def _offer(self, name: str, nothing: str, words: Mapping[str, str]) -> None:
        field = cast("forms.ChoiceField", self.fields[name])
        field.choices = [("", nothing), *words.items()]

    def shown(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the form shows of earlier answers."""
        return {
            "preset": chosen.get("from") or "",
            "timezone": chosen.get("timezone") or "",
            "as_text": self.wishes.is_text_kept,
        }

    def chosen(self) -> dict[str, Any]:
        """Return the options of the import, by the names under which commands keep them."""
        given = self.cleaned_data
        return {
            "from": given["preset"] or None,
            "timezone": given["timezone"] or None,
            "asText": given["as_text"],
        }

    def values(self) -> dict[str, dict[str, str]]:
        return {}

    def constants(self) -> dict[str, Any]:
        return {}

    def question(self, fields: set[str]) -> str:
        """Return what must be agreed to before the import, as a sentence; else nothing."""
        return ""


class PeopleForm(OptionsForm):
    products = {name: each.title for name, each in presets.PRESETS.items()}
    duplicates = select("Known people", [
        (Duplicates.SKIP, "Skip the row"), (Duplicates.MERGE, "Fill empty fields only"),
        (Duplicates.OVERWRITE, "Replace with the values of the row"),
    ], "A row that says unsubscribed, bounced or complained counts in each case.")  # fmt: skip
    opt_in_mode = select("New people", [
        (OptInMode.DEFAULT, "As the workspace is set"),
        (OptInMode.CONFIRMED, "Have agreed: you say so, and the consent ledger records it"),
        (OptInMode.DOUBLE_OPT_IN, "Are asked by mail to confirm"),
    ])  # fmt: skip
    keeps_status = _tick("Leave the status of known people unchanged")
    creates_lists = _tick(
        "Create missing lists that rows name", "Without it such rows are rejected."
    )
    status = select("Status of every row", [
        ("", "As the rows say"), *((each, each) for each in reversed(GRAVEST_FIRST)),
    ])  # fmt: skip
    tags = _text("Tags for every row", "Separated by commas.")
    lists = _text("Lists for every row", "Names, separated by commas.")
    words = lines_of_text(
        "Words of statuses",
        "What the file's own words mean, one a line: gold member=active. The usual words are "
        "known.",
    )
    is_sure = _tick("Queue the confirmation mails")

    def shown(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        constants, words = self.wishes.constants, self.wishes.values.get("status", {})
        return super().shown(chosen) | {
            "duplicates": chosen.get("duplicates", Duplicates.SKIP),
            "opt_in_mode": chosen.get("optInMode", OptInMode.DEFAULT),
            "keeps_status": chosen.get("keepStatus", False),
            "creates_lists": chosen.get("createLists", False),
            "status": constants.get("status", ""),
            "tags": ", ".join(constants.get("tags", ())),
            "lists": ", ".join(constants.get("lists", ())),
            "words": "\n".join(f"{theirs}={ours}" for theirs, ours in words.items()),
        }

    def clean_words(self) -> dict[str, str]:
        found = {}
        for line in str(self.cleaned_data["words"]).splitlines():
            theirs, equals, ours = line.partition("=")
            if line.strip() and (not equals or status_of(ours) is None):
                raise forms.ValidationError(
                    f"{line.strip()[:100]!r} is not THEIRS=OURS with one of "
                    f"{', '.join(GRAVEST_FIRST)}."
                )
            if line.strip():
                found[value_key(theirs)] = status_of(ours) or ""
        return found

    def clean_tags(self) -> list[str]:
        return self._names("tags")

    def clean_lists(self) -> list[str]:
        return self._names("lists")

    def _names(self, name: str) -> list[str]:
        try:
            return name_cells.parted(str(self.cleaned_data[name]), separator=",") or []
        except name_cells.InvalidNames as error:
            raise forms.ValidationError(f"It {error}") from error

    def chosen(self) -> dict[str, Any]:
        given = self.cleaned_data
        return super().chosen() | {
            "duplicates": given["duplicates"] or Duplicates.SKIP,
            "optInMode": given["opt_in_mode"] or OptInMode.DEFAULT,
            "createLists": given["creates_lists"],
            "keepStatus": given["keeps_status"],
        }

    def values(self) -> dict[str, dict[str, str]]:
        words = self.cleaned_data["words"]
        return {"status": words} if words else {}

    def constants(self) -> dict[str, Any]:
        given = {name: self.cleaned_data[name] for name in ("status", "tags", "lists")}
        return {name: value for name, value in given.items() if value}

    def question(self, fields: set[str]) -> str:
        if self.cleaned_data["is_sure"]:
            return ""
        columns = {
            name: msgspec.structs.replace(
                column, field=column.field if column.field in fields else ""
            )
            for name, column in self.plan.columns.items()
        }
        mails = people.mails_to_confirm(
            workspace=self.run.workspace,
            options=self.chosen(),
            plan=msgspec.structs.replace(self.plan, columns=columns, constants=self.constants()),
        )
        return mails and (
            f"No column proves consent: this queues {mails}. Tick “Queue the confirmation mails”, "
            "or choose that new people have agreed."
        )


class EventsForm(OptionsForm):
    products = {name: each.title for name, each in PRESETS.items()}
    # A form with a control named `attributes` has no attributes for scripts.
    people_attributes = select("Attributes of people", [
        (Attributes.FILL, "Fill empty ones only"), (Attributes.NEWEST, "The newest row counts"),
        (Attributes.IGNORE, "Change none"),
    ])  # fmt: skip
    event_id_from = _text(
        "Columns that identify a row",
        "Names, separated by commas; for rows without an id.",
    )
    occurred_now = _tick(
        "Give rows without a time the time of the import", "Without it they are rejected."
    )

    def shown(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        return super().shown(chosen) | {
            "people_attributes": chosen.get("attributes", Attributes.FILL),
            "event_id_from": ", ".join(chosen.get("eventIdFrom", ())),
            "occurred_now": chosen.get("occurredNow", False),
        }

    def clean_event_id_from(self) -> list[str]:
        names = [each.strip() for each in str(self.cleaned_data["event_id_from"]).split(",")]
        return [each for each in names if each]

    def chosen(self) -> dict[str, Any]:
        given = self.cleaned_data
        return super().chosen() | {
            "attributes": given["people_attributes"] or Attributes.FILL,
            "eventIdFrom": given["event_id_from"],
            "occurredNow": given["occurred_now"],
        }
