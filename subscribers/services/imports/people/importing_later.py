"""How people of a stored file are taken in: options as JSON, kept with the run."""

from collections.abc import Collection

import msgspec
from django.conf import settings

from subscribers.ids import encode
from subscribers.models import ImportRun
from subscribers.services.audience import lists
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports.people.importer import SubscriberImporter
from subscribers.services.imports.people.options import Duplicates, ImportOptions, OptInMode


class RequestedImport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a request asked for; `list_ids` are public ids, None for the default lists."""

    duplicates: Duplicates
    opt_in_mode: OptInMode
    starts_sequences: bool
    list_ids: tuple[str, ...] | None
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
        lists=None if wanted.list_ids is None else _names_of(run, wanted.list_ids),
    )


def _names_of(run: ImportRun, list_ids: Collection[str]) -> tuple[str, ...]:
    """Return the names that lists have now; those deleted meanwhile are left out."""
    id_by_name = lists.ids_by_name(workspace_id=run.workspace_id)
    return tuple(name for name, each in id_by_name.items() if encode("lst", each) in list_ids)
