"""Files of people: what an import of them reads and writes, with options as a run keeps them."""

import math
from pathlib import PurePath

import msgspec
from django.conf import settings

from subscribers.models import ImportRun, Workspace
from subscribers.rows.columns import Fields
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.row import InvalidFile
from subscribers.rows.status_words import GONE, status_of
from subscribers.rows.survey import Needs, Wishes
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports.file_kinds import FileKind, Headers, Options
from subscribers.services.imports.people.columns import FIELDS, NEEDS, PROOFS
from subscribers.services.imports.people.importer import SubscriberImporter
from subscribers.services.imports.people.options import Duplicates, ImportOptions, OptInMode
from subscribers.services.imports.people.presets import PRESETS, needed_for


def _fields(_options: Options) -> Fields:
    return FIELDS


def _needs(_options: Options) -> Needs:
    return NEEDS


def _importer(run: ImportRun, options: Options, plan: ColumnPlan) -> SubscriberImporter:
    return SubscriberImporter(
        options=ImportOptions(
            workspace=run.workspace,
            circumstances=Circumstances(actor=run.actor),
            attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
            furthest_ahead=settings.MAX_EVENT_LEAD,
            duplicates=Duplicates(options["duplicates"]),
            opt_in_mode=OptInMode(options["optInMode"]),
            creates_lists=options["createLists"],
            keeps_status=options.get("keepStatus", False),
        ),
        plan=plan,
    )


def _completed(wishes: Wishes, options: Options, files: Headers) -> Wishes:
    """Return the wishes with what the product's preset knows; refuses what says not who left."""
    is_status_said = "status" in {*wishes.constants, *wishes.map.values()}
    name = options.get("from")
    if name is None:
        if not is_status_said:
            _refuse_names(files)
        return wishes
    preset = PRESETS[name]
    completed = preset.completed(wishes)
    for file, columns in files:
        if columns is not None and not preset.says_who_left(completed, file=file, columns=columns):
            raise InvalidFile(
                f"{file}: neither a column nor the name of the file says who left. Export it too, "
                "or give --set status=active where everybody in the file agreed."
            )
    said = tuple((PurePath(file).name, preset.status_in(file, each or ())) for file, each in files)
    return msgspec.structs.replace(
        completed,
        preset_name=name,
        files=() if "status" in wishes.constants else said,
        zone=options.get("timezone") or preset.zone or wishes.zone,
    )


def _refuse_names(files: Headers) -> None:
    """Refuse a file of a product whose name says that its people left."""
    for file, columns in files:
        name = needed_for(file=file, columns=columns or ())
        if name is not None:
            raise InvalidFile(
                f"{file}: this is an export of {PRESETS[name].title}, whose file names say who "
                f"left or never agreed. Give --from {name}, or --set status=unsubscribed."
            )


def _is_taken(options: Options, name: str) -> bool:
    preset = PRESETS.get(options.get("from") or "")
    return preset is None or preset.is_read(name)


FILES = FileKind(
    fields=_fields,
    needs=_needs,
    importer=_importer,
    completed=_completed,
    is_taken=_is_taken,
)


def mails_to_confirm(*, workspace: Workspace, options: Options, plan: ColumnPlan) -> str:
    """Return how many confirmation mails an import without proof of consent queues, in words; empty
    where nobody is asked unawares.
    """
    proofs = {column.field for column in plan.columns.values() if column.samples}
    is_proved = not PROOFS.isdisjoint(proofs | plan.constants.keys())
    is_chosen = options["optInMode"] != OptInMode.DEFAULT or is_proved
    status = status_of(str(plan.constants.get("status", "")))
    if is_chosen or not workspace.double_opt_in or status in GONE:
        return ""
    most = settings.CONFIRMATIONS_PER_HOUR
    hours = f" over {max(math.ceil(plan.rows / most), 1)} hours" if most else ""
    if not plan.rows:
        return "a confirmation mail to every new person"
    return f"up to {plan.rows:,} confirmation mails{hours}"
