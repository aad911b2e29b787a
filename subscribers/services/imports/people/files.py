"""Files of people: what an import of them reads and writes, with options as a run keeps them."""

import math

from django.conf import settings

from subscribers.models import ImportRun, Workspace
from subscribers.rows.columns import Fields
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.status_words import GONE, status_of
from subscribers.rows.survey import Needs
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports.file_kinds import FileKind, Options
from subscribers.services.imports.people.columns import FIELDS, NEEDS
from subscribers.services.imports.people.importer import SubscriberImporter
from subscribers.services.imports.people.options import Duplicates, ImportOptions, OptInMode

_PROOFS = frozenset({"consentAt", "consentChangedAt"})


def _fields(_options: Options) -> Fields:
    return FIELDS


def _needs(_options: Options) -> Needs:
    return NEEDS


def _preset(_options: Options) -> dict[str, str]:
    return {}


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


FILES = FileKind(fields=_fields, needs=_needs, preset=_preset, importer=_importer)


def mails_to_confirm(*, workspace: Workspace, options: Options, plan: ColumnPlan) -> str:
    """Return how many confirmation mails an import without proof of consent queues, in words; empty
    where nobody is asked unawares.
    """
    proofs = {column.field for column in plan.columns.values() if column.samples}
    is_proved = not _PROOFS.isdisjoint(proofs | plan.constants.keys())
    is_chosen = options["optInMode"] != OptInMode.DEFAULT or is_proved
    status = status_of(str(plan.constants.get("status", "")))
    if is_chosen or not workspace.double_opt_in or status in GONE:
        return ""
    most = settings.CONFIRMATIONS_PER_HOUR
    hours = f" over {max(math.ceil(plan.rows / most), 1)} hours" if most else ""
    if not plan.rows:
        return "a confirmation mail to every new person"
    return f"up to {plan.rows:,} confirmation mails{hours}"
