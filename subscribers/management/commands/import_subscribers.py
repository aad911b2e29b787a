"""`import_subscribers FILE…`: imports people and their consent, and starts nothing."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from subscribers.management import asking_first
from subscribers.management.importing import ImportCommand
from subscribers.models import ImportRun, Workspace
from subscribers.rows.plans import ColumnPlan
from subscribers.services.imports.file_kinds import Options
from subscribers.services.imports.people import FILES, Duplicates, OptInMode, mails_to_confirm
from subscribers.services.imports.people.presets import PRESETS, fitting


class Command(ImportCommand):
    help = (
        "Import people from files: addresses, names, attributes, tags, lists, status, consent. "
        "Starts no sequence; people who unsubscribed or are suppressed get no mail again."
    )
    kind = ImportRun.Kind.SUBSCRIBERS
    files = FILES

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

    def warning(self, *, workspace: Workspace, kept: Options, plan: ColumnPlan) -> str:
        """Warn of a mail to everybody of a file that proves no consent."""
        mails = mails_to_confirm(workspace=workspace, options=kept, plan=plan)
        if not mails:
            return ""
        return (
            f"No column proves consent (consentAt): this queues {mails}. "
            "--opt-in-mode confirmed asks nobody."
        )

    def product_advice(self, *, kept: Options, columns: Sequence[str]) -> str:
        product = fitting(columns) if "from" not in kept else None
        if product is None:
            return ""
        title = PRESETS[product].title
        return f" The file looks like an export of {title}: --from {product} knows its columns."

    def own_options(self, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "duplicates": options["duplicates"],
            "optInMode": options["opt_in_mode"],
            "createLists": options["create_lists"],
            # Left out where not given, so that runs of earlier releases are resumed.
            **({"keepStatus": True} if options["keep_status"] else {}),
            **({"from": options["preset"]} if options["preset"] else {}),
        }
