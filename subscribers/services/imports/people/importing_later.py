"""How people of a stored file are taken in: options as JSON, kept with the run."""

import msgspec
from django.conf import settings

from subscribers.models import ImportRun
from subscribers.rows.plans import NO_PLAN, ColumnPlan
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports.people.importer import SubscriberImporter
from subscribers.services.imports.people.options import Duplicates, ImportOptions, OptInMode


class RequestedImport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a request asked for; `lists` are names, None for the default lists."""

    duplicates: Duplicates
    opt_in_mode: OptInMode
    starts_sequences: bool
    lists: tuple[str, ...] | None
    source: str
    is_test: bool
    request_id: str
    # Of the rows: with an address, and about somebody whom an earlier row names.
    with_address: int
    repeated: int


def requested_import(run: ImportRun) -> RequestedImport:
    return msgspec.convert(run.options, RequestedImport)


def importer_of(run: ImportRun) -> SubscriberImporter:
    wanted = requested_import(run)
    return SubscriberImporter(
        options=ImportOptions(
            workspace=run.workspace,
            circumstances=Circumstances(api_key=run.api_key, request_id=wanted.request_id),
            source=wanted.source,
            attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
            furthest_ahead=settings.MAX_EVENT_LEAD,
            duplicates=wanted.duplicates,
            opt_in_mode=wanted.opt_in_mode,
            starts_sequences=wanted.starts_sequences,
            is_test=wanted.is_test,
            advice_for_lists=".",
        ),
        # No row names lists itself.
        plan=NO_PLAN
        if wanted.lists is None
        else ColumnPlan(constants={"lists": list(wanted.lists)}),
    )
