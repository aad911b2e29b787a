"""`import_subscribers FILE…`: imports people and their consent, and starts nothing."""

import math
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from subscribers.management import asking_first
from subscribers.management.importing import ImportCommand
from subscribers.models import ImportRun, Workspace
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.status_words import GONE, status_of
from subscribers.rows.survey import Needs
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports.people import (
    Duplicates,
    ImportOptions,
    OptInMode,
    SubscriberImporter,
)
from subscribers.services.imports.people.columns import FIELDS, NEEDS


class Command(ImportCommand):
    help = (
        "Import people from files: addresses, names, attributes, tags, lists, status, consent. "
        "Starts no sequence; people who unsubscribed or are suppressed get no mail again."
    )
    kind = ImportRun.Kind.SUBSCRIBERS
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
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

    def make_sure(self, *, plan: ColumnPlan, workspace: Workspace, options: dict[str, Any]) -> None:
        """Ask before a mail to everybody of a file that proves no consent."""
        proofs = {column.field for column in plan.columns.values() if column.samples}
        is_proved = not proofs.union(plan.constants).isdisjoint({"consentAt", "consentChangedAt"})
        is_chosen = options["opt_in_mode"] != OptInMode.DEFAULT or is_proved
        status = status_of(str(plan.constants.get("status", "")))
        if is_chosen or not workspace.double_opt_in or status in GONE:
            return
        most = settings.CONFIRMATIONS_PER_HOUR
        hours = f" over {max(math.ceil(plan.rows / most), 1)} hours" if most else ""
        mails = "a confirmation mail to every new person"
        if plan.rows:
            mails = f"up to {plan.rows:,} confirmation mails{hours}"
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
        } | ({"keepStatus": True} if options["keep_status"] else {})

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
