"""`inspect_file FILE`: shows how an import would read a file, and the command to run."""

import shlex
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.services.history.importing import FILE_KINDS
from subscribers.management.importing.arguments import encoding
from subscribers.management.importing.reading import date_format
from subscribers.models import ImportRun
from subscribers.rows import plan_words
from subscribers.rows.columns import Fields
from subscribers.rows.files import (
    can_be_read_again,
    check_encoding,
    read_header,
    read_rows,
    sources_of,
)
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.row import CSV, JSONL, InvalidFile, Source
from subscribers.rows.survey import Wishes, check_needs, survey

Kind = ImportRun.Kind
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
        wishes = Wishes(
            date_formats=dict(map(date_format, options["date_format"])),
            zone="the workspace's time zone",
        )
        try:
            source = _source(options)
            header = read_header(source)
            plan_by_kind = {
                kind: _plan(source, files.fields({}), wishes, is_refused=False)
                for kind, files in FILE_KINDS.items()
            }
        except InvalidFile as error:
            raise CommandError(str(error)) from error
        is_of_events = _used(plan_by_kind[Kind.EVENTS]) >= EVENT
        kind = Kind.EVENTS if is_of_events else Kind.SUBSCRIBERS
        plan, files, command = plan_by_kind[kind], FILE_KINDS[kind], f"import_{kind}"
        parted = "" if header is None else f" with {header.delimiter!r} between cells"
        self.stdout.write(f"{source.name}: {source.format.upper()}{parted}, for {command}")
        for line in plan_words.as_lines(plan):
            self.stdout.write(f"  {line}")
        try:
            check_needs(plan=plan, needs=files.needs({}), name=source.name)
            _plan(source, files.fields({}), wishes, is_refused=True)
        except InvalidFile as error:
            self.stdout.write(f"As it is, it would be refused. {error}")
        self.stdout.write(f"Try it with: {_command_line(command, options)}")


def _source(options: dict[str, Any]) -> Source:
    """Return the file, or the first one of an archive; raises `InvalidFile` or `CommandError`."""
    source = sources_of(
        options["file"],
        format=options["format"],
        encoding=options["encoding"],
        sheet=options["sheet"],
    )[0]
    if not can_be_read_again(source):
        raise CommandError(f"{source.name} can be read only once: give a file.")
    check_encoding(source)
    return source


def _plan(source: Source, fields: Fields, wishes: Wishes, *, is_refused: bool) -> ColumnPlan:
    return survey(
        rows=read_rows(sources=[source]),
        fields=fields,
        wishes=wishes,
        name=source.name,
        is_whole=True,
        is_refused=is_refused,
    )


def _used(plan: ColumnPlan) -> set[str]:
    return {column.field for column in plan.columns.values() if column.field}


def _command_line(command: str, options: dict[str, Any]) -> str:
    given = [(f"--{name}", options[name]) for name in ("format", "encoding", "sheet")]
    given += [("--date-format", form) for form in options["date_format"]]
    words = [word for option, value in given if value for word in (option, value)]
    return shlex.join(
        ["manage.py", command, options["file"], *words, "--workspace", "SLUG", "--dry-run"]
    )
