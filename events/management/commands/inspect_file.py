"""`inspect_file FILE`: shows how an import would read a file, and the command to run."""

import shlex
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.intake import products
from events.services.history.importing import FILE_KINDS
from subscribers.management.importing.arguments import encoding
from subscribers.management.importing.reading import date_format
from subscribers.models import ImportRun
from subscribers.rows import first_lines, plan_words
from subscribers.rows.files import (
    can_be_read_again,
    check_encoding,
    read_header,
    read_rows,
    sources_of,
)
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.row import CSV, JSONL, InvalidFile
from subscribers.rows.status_words import status_of
from subscribers.rows.survey import Wishes, check_needs, survey
from subscribers.services.imports.file_kinds import FileKind
from subscribers.services.imports.people import presets as people_presets

KINDS: Mapping[str, FileKind] = {
    "import_subscribers": FILE_KINDS[ImportRun.Kind.SUBSCRIBERS],
    "import_events": FILE_KINDS[ImportRun.Kind.EVENTS],
}
EVENT = frozenset({"name", "occurredAt"})


class Command(BaseCommand):
    help = (
        "Show how an import would read a file: what each column would become, what is not used, "
        "and the command to run. Needs no workspace and changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument(
            "--format", choices=(CSV, JSONL), help="Where the name does not say it."
        )
        parser.add_argument("--encoding", default="", type=encoding, help="Such as cp1252.")
        parser.add_argument("--sheet", default="", help="Of a workbook; without it the first.")
        parser.add_argument(
            "--date-format", action="append", default=[], metavar="[COLUMN=]FORMAT",
            help="As the imports take it.",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["file"]
        wishes = Wishes(
            date_formats=dict(map(date_format, options["date_format"])),
            zone="the workspace's time zone",
        )
        try:
            # Of an archive the first file.
            source = sources_of(
                name,
                format=options["format"],
                encoding=options["encoding"],
                sheet=options["sheet"],
            )[0]
            if not can_be_read_again(source):
                raise CommandError(f"{name} can be read only once: give a file.")
            check_encoding(source)
            header = read_header(source)
            plans = {
                command: survey(
                    rows=read_rows(sources=[source]), fields=kind.fields({}), wishes=wishes,
                    name=name, is_whole=True, is_refused=False,
                    columns=() if header is None else header.columns,
                )
                for command, kind in KINDS.items()
            }  # fmt: skip
        except InvalidFile as error:
            raise CommandError(str(error)) from error
        columns = () if header is None else header.columns
        product = people_presets.fitting(columns)
        command = "import_subscribers"
        if product is None and not options["date_format"]:
            # Such a preset reads the times itself.
            product = products.fitting(plans["import_events"].columns)
            command = command if product is None else "import_events"
        is_event = _used(plans["import_events"]) >= EVENT
        if product is None and is_event and not _says_standing(plans["import_subscribers"]):
            command = "import_events"
        kind, chosen = KINDS[command], {"from": product}
        fields, needs = kind.fields(chosen), kind.needs(chosen)
        parted = "" if header is None else f" with {header.delimiter!r} between cells"
        self.stdout.write(f"{source.name}: {source.format.upper()}{parted}, for {command}")
        refusal = ""
        if product is not None:
            is_of_events = command == "import_events"
            presets = products.PRESETS if is_of_events else people_presets.PRESETS
            title = presets[product].title
            self.stdout.write(f"It looks like an export of {title}: --from {product}")
            try:
                wishes = kind.completed(wishes, chosen, [(source.name, columns)])
            except InvalidFile as error:
                refusal = str(error)
            plans[command] = survey(
                rows=read_rows(sources=[source]), fields=fields, wishes=wishes, name=name,
                is_whole=True, is_refused=False,
            )  # fmt: skip
        plan = plans[command]
        for line in plan_words.as_lines(plan):
            self.stdout.write(f"  {line}")
        given = [
            part
            for option in ("format", "encoding", "sheet")
            if options[option]
            for part in (f"--{option}", options[option])
        ]
        given += [part for form in options["date_format"] for part in ("--date-format", form)]
        given += ["--from", product] if product is not None else []
        words = ["manage.py", command, name, *given, "--workspace", "SLUG", "--dry-run"]
        try:
            check_needs(plan=plan, needs=needs, name=name)
            survey(
                rows=read_rows(sources=[source]), fields=fields, wishes=wishes, name=name,
                is_whole=True,
            )  # fmt: skip
        except InvalidFile as error:
            refusal = refusal or f"{error}{first_lines.advice(source)}"
        if refusal:
            self.stdout.write(f"As it is, it would be refused. {refusal}")
        self.stdout.write(f"Try it with: {shlex.join(words)}")


def _says_standing(plan: ColumnPlan) -> bool:
    """Tell whether a column has nothing but words of statuses: then its rows are people."""
    return any(
        column.field == "status" and column.samples and all(map(status_of, column.samples))
        for column in plan.columns.values()
    )


def _used(plan: ColumnPlan) -> set[str]:
    return {column.field for column in plan.columns.values() if column.field}
