"""Files of events: what an import of them reads and writes, with options as a run keeps them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec
from django.utils import timezone

from events.intake.cells import BESIDE_PRESETS, FIELDS, NEEDS_A_NAME, NEEDS_A_PERSON, NEEDS_A_TIME
from events.intake.products import PRESETS
from events.intake.rows import EventReader
from events.services.history.importing.importer import EventImporter
from events.services.history.importing.people import Attributes
from events.services.ingestion.request import current_limits
from subscribers.models import ImportRun
from subscribers.rows.columns import Fields
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.survey import Needs, Wishes
from subscribers.services.imports import people
from subscribers.services.imports.file_kinds import FileKind, Headers, Options


def _fields(options: Options) -> Fields:
    return BESIDE_PRESETS if options.get("from") else FIELDS


def _needs(options: Options) -> Needs:
    if options.get("from"):
        return ()
    needs = (NEEDS_A_PERSON, NEEDS_A_NAME)
    return needs if options.get("occurredNow") else (*needs, NEEDS_A_TIME)


def _completed(wishes: Wishes, options: Options, _files: Headers) -> Wishes:
    name = options.get("from")
    if not name:
        return wishes
    preset = PRESETS[name]
    return msgspec.structs.replace(
        wishes, preset=preset.columns, preset_name=name, preset_rest=preset.field_of
    )


def _importer(run: ImportRun, options: Options, plan: ColumnPlan) -> EventImporter:
    attributes = Attributes(options.get("attributes") or Attributes.FILL)
    # History may have any age.
    limits = replace(current_limits(), oldest=timedelta.max)
    reader = EventReader(
        limits=limits,
        plan=plan,
        preset=PRESETS.get(options.get("from") or ""),
        event_id_from=options.get("eventIdFrom") or (),
        is_live_kept=options.get("trigger", False),
        # Release 0.2.0, whose runs have no mapping, dated such events now.
        needs_time=run.mapping is not None and not options.get("occurredNow"),
        ignores_profile=attributes is Attributes.IGNORE,
    )
    return EventImporter(
        workspace=run.workspace,
        reader=reader,
        limits=limits,
        clock=timezone.now,
        is_dry_run=run.is_dry_run,
        attributes=attributes,
    )


FILES = FileKind(
    fields=_fields,
    needs=_needs,
    completed=_completed,
    is_taken=lambda _options, _name: True,
    importer=_importer,
)
# By the kind of the run.
FILE_KINDS: Mapping[str, FileKind] = {
    ImportRun.Kind.SUBSCRIBERS: people.FILES,
    ImportRun.Kind.EVENTS: FILES,
}
