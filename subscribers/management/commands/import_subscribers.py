"""`import_subscribers FILE…`: imports people and their consent, and starts nothing."""

import math
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import CommandParser

from subscribers.management import asking_first
from subscribers.management.importing import ImportCommand
from subscribers.management.importing.arguments import ImportRequest, wrong
from subscribers.models import ImportRun, Workspace
from subscribers.rows.files import read_header
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.status_words import GONE, status_of
from subscribers.rows.survey import Needs, Wishes
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports.people import (
    Duplicates,
    ImportOptions,
    OptInMode,
    SubscriberImporter,
)
from subscribers.services.imports.people.columns import FIELDS, NEEDS, PROOFS
from subscribers.services.imports.people.presets import PRESETS, needed_for


class Command(ImportCommand):
    help = (
        "Import people from files: addresses, names, attributes, tags, lists, status, consent. "
        "Starts no sequence; people who unsubscribed or are suppressed get no mail again."
    )
    kind = ImportRun.Kind.SUBSCRIBERS
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from",
            dest="preset",
            choices=sorted(PRESETS),
            help="The product that wrote the export; --map, --value, --set, --ignore-column, "
            "--date-format and --timezone override it.",
        )
        parser.add_argument(
            "--duplicates",
            choices=list(map(str, Duplicates)),
            default=str(Duplicates.SKIP),
            help="People who are known: skip them (the default), merge (fill what is empty) or "
            "overwrite (what the row says counts). Tags and lists are added, none is removed.",
        )
        parser.add_argument(
            "--opt-in-mode",
            choices=list(map(str, OptInMode)),
            default=str(OptInMode.DEFAULT),
            help="New people: as the workspace has it (the default), confirmed (you vouch for it; "
            "the ledger says so), or double_opt_in (each is asked by mail).",
        )
        parser.add_argument(
            "--keep-status",
            action="store_true",
            help="Change no status of known people; without it unsubscribed, bounced and "
            "complained count whatever --duplicates says.",
        )
        asking_first.add_to(parser)
        parser.add_argument(
            "--create-lists",
            action="store_true",
            help="Make the lists that rows name; without it such rows are rejected.",
        )
        parser.add_argument(
            "--as-text",
            action="store_true",
            help="Keep cells of attributes.* as texts, numbers and true, false, null too.",
        )

    def is_taken(self, options: dict[str, Any], name: str) -> bool:
        return options["preset"] is None or PRESETS[options["preset"]].is_read(name)

    def completed(self, wishes: Wishes, *, asked: ImportRequest, options: dict[str, Any]) -> Wishes:
        if options["preset"] is None:
            if "status" not in {*wishes.constants, *wishes.map.values()}:
                _refuse_names(asked)
            return wishes
        preset = PRESETS[options["preset"]]
        zone = options["timezone"] or preset.zone or wishes.zone
        completed = msgspec.structs.replace(preset.completed(wishes), zone=zone)
        for name, columns in _headers(asked):
            if not preset.says_who_left(completed, file=name, columns=columns):
                raise wrong(
                    f"{name}: neither a column nor the name of the file says who left. Export it "
                    "too, or give --set status=active where everybody in the file agreed."
                )
        return completed

    def said_by_names(
        self, asked: ImportRequest, options: dict[str, Any]
    ) -> tuple[tuple[str, str], ...]:
        if options["preset"] is None or any(each.startswith("status=") for each in options["set"]):
            return ()
        preset, headers = PRESETS[options["preset"]], dict(_headers(asked))
        return tuple(
            (PurePath(each.name).name, preset.status_in(each.name, headers.get(each.name, ())))
            for each in asked.sources
        )

    def make_sure(self, *, plan: ColumnPlan, workspace: Workspace, options: dict[str, Any]) -> None:
        """Ask before a mail to everybody of a file that proves no consent."""
        proofs = {column.field for column in plan.columns.values() if column.samples}
        is_proved = not proofs.union(plan.constants).isdisjoint(PROOFS)
        is_chosen = options["opt_in_mode"] != OptInMode.DEFAULT or is_proved
        status = status_of(str(plan.constants.get("status", "")))
        if is_chosen or not workspace.double_opt_in or status in GONE:
            return
        most = settings.CONFIRMATIONS_PER_HOUR
        hours = f" over {max(math.ceil(plan.rows / most), 1)} hours" if most else ""
        mails = (
            f"up to {plan.rows:,} confirmation mails{hours}"
            if plan.rows
            else ("a confirmation mail to every new person")
        )
        question = (
            f"No column proves consent (consentAt): this queues {mails}. "
            "--opt-in-mode confirmed asks nobody. Go on?"
        )
        asking_first.make_sure(question=question, is_sure=options["yes"])

    def own_options(self, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "duplicates": options["duplicates"],
            "optInMode": options["opt_in_mode"],
            "createLists": options["create_lists"],
            "asText": options["as_text"],
            # Left out where not given, so that runs of earlier releases are resumed.
            **({"keepStatus": True} if options["keep_status"] else {}),
            **({"from": options["preset"]} if options["preset"] else {}),
        }

    def needs(self, options: dict[str, Any]) -> Needs:
        return NEEDS

    def importer(
        self, *, workspace: Workspace, run: ImportRun, options: dict[str, Any]
    ) -> SubscriberImporter:
        return SubscriberImporter(
            options=ImportOptions(
                workspace=workspace,
                circumstances=Circumstances(actor=run.actor),
                attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
                furthest_ahead=settings.MAX_EVENT_LEAD,
                duplicates=Duplicates(options["duplicates"]),
                opt_in_mode=OptInMode(options["opt_in_mode"]),
                creates_lists=options["create_lists"],
                keeps_status=options["keep_status"],
            ),
            plan=options["plan"],
        )


def _headers(asked: ImportRequest) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name and the header of each file that has one."""
    for source in asked.sources:
        header = read_header(source)
        if header is not None:
            yield source.name, header.columns


def _refuse_names(asked: ImportRequest) -> None:
    """Refuse a file of a product whose name says that its people left."""
    for name, columns in _headers(asked):
        preset = needed_for(file=name, columns=columns)
        if preset is not None:
            raise wrong(
                f"{name}: this is an export of {PRESETS[preset].title}, whose file names say who "
                f"left or never agreed. Give --from {preset}, or --set status=unsubscribed."
            )
