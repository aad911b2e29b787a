"""The arguments of all imports."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import CommandError, CommandParser

from subscribers.management.people import USAGE, workspace_of
from subscribers.models import Workspace
from subscribers.rows import first_lines
from subscribers.rows.columns import Fields
from subscribers.rows.csv_rows import DELIMITERS
from subscribers.rows.encodings import is_encoding
from subscribers.rows.files import can_be_read_again, check_encoding, read_header, sources_of
from subscribers.rows.row import CSV, JSONL, STANDARD_INPUT, InvalidFile, Source
from subscribers.rows.unpacking import container

MAP = "THEIRS=OURS"
_DELIMITERS = {"tab": "\t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """A command's arguments, checked as far as possible without reading rows."""

    workspace: Workspace
    sources: Sequence[Source]
    # The names of files that are not read.
    left_out: Sequence[str] = ()
    # Theirs -> ours.
    map: dict[str, str]
    # Of all CSV files together, in their order; None where one can be read only once.
    columns: tuple[str, ...] | None
    rejects: Path | None
    is_dry_run: bool
    is_resuming: bool


def wrong(message: str) -> CommandError:
    """Return the error for invalid arguments: exit code 2."""
    return CommandError(message, returncode=USAGE)


def check_fields(option: str, names: Iterable[str], fields: Fields) -> None:
    """Raise `CommandError` where an option names no field of ours."""
    for name in names:
        if name not in fields:
            known = ", ".join((*fields.cells, f"{fields.prefix}KEY"))
            raise wrong(f"{option}: there is no field {name!r}; there are {known}.")


def pair(option: str, text: str, *, form: str) -> tuple[str, str]:
    """Return what is before and after the `=` of an option's text; a column's name may have one."""
    left, _, right = text.rpartition("=") if form == MAP else text.partition("=")
    if not left.strip() or not right.strip():
        raise wrong(f"{option}: {text!r} is not {form}.")
    return left.strip(), right.strip()


def add(parser: CommandParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="CSV, JSONL, a JSON array or a workbook (.xlsx), also in a .zip or as .gz; - is the "
        "standard input.",
    )
    parser.add_argument("--workspace", required=True, metavar="SLUG")
    parser.add_argument(
        "--format",
        choices=(CSV, JSONL),
        help="Of all files, where their names do not say the format.",
    )
    parser.add_argument(
        "--delimiter",
        choices=(*DELIMITERS, "tab"),
        default="",
        help="The separator of cells; without it the one that the header has.",
    )
    parser.add_argument(
        "--encoding",
        default="",
        type=encoding,
        help="Such as cp1252; without it UTF-8, or what the file's mark says.",
    )
    parser.add_argument("--sheet", default="", help="Of a workbook; without it the first sheet.")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar=MAP,
        help="A column (or key) of the file, and the field that it becomes; may be repeated.",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Check and count, and write nothing."
    )
    parser.add_argument(
        "--rejects",
        metavar="FILE",
        type=Path,
        help="Where rejected rows go, with the reason in a column `error`. Once corrected, the "
        "file can be imported.",
    )
    parser.add_argument(
        "--stop-on-error", action="store_true", help="Stop before the first bad row."
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="Resume the last interrupted import of these files and options.",
    )
    parser.add_argument("--json", action="store_true", help="Print the result as one JSON object.")
    parser.add_argument("--quiet", action="store_true", help="Show no progress and no bad rows.")
    parser.add_argument("--batch-size", type=_positive, help=argparse.SUPPRESS)


def read(options: dict[str, Any], *, is_taken: Callable[[str], bool]) -> ImportRequest:
    """Return the checked arguments; raises `CommandError` with the exit code 2.

    `is_taken` tells whether a file of that name is read, or left out.
    """
    workspace = workspace_of(slug=options["workspace"])
    try:
        named = [
            source
            for name in options["files"]
            for source in sources_of(
                name,
                format=options["format"],
                encoding=options["encoding"],
                delimiter=_DELIMITERS.get(options["delimiter"], options["delimiter"]),
                sheet=options["sheet"],
            )
        ]
        taken = [source for source in named if is_taken(source.name)]
        if not taken:
            raise wrong("FILE: none of these files has people with an address.")
        sources, columns = _with_delimiters(taken)
    except InvalidFile as error:
        raise wrong(str(error)) from error
    if [source.name for source in sources].count(STANDARD_INPUT) > 1:
        raise wrong("FILE: the standard input (-) can be read only once.")
    if options["dry_run"] and options["resume"]:
        raise wrong("--resume: a dry run is never stored; leave --dry-run or --resume out.")
    if options["rejects"]:
        _check_rejects(options["rejects"], sources, is_resuming=options["resume"])
    return ImportRequest(
        workspace=workspace,
        sources=sources,
        left_out=[source.name for source in named if source not in taken],
        map=dict(pair("--map", text, form=MAP) for text in options["map"]),
        columns=columns,
        rejects=options["rejects"],
        is_dry_run=options["dry_run"],
        is_resuming=options["resume"],
    )


def _with_delimiters(
    sources: Sequence[Source],
) -> tuple[Sequence[Source], tuple[str, ...] | None]:
    """Return the files with what parts their cells, and their columns together."""
    found: dict[str, None] = {}
    decided: list[Source] = []
    is_known = True
    for source in sources:
        try:
            header = read_header(source)
        except InvalidFile as error:
            # Says which encoding it may be, where that is the fault.
            check_encoding(source)
            raise InvalidFile(f"{error}{first_lines.advice(source)}") from error
        is_known = is_known and header is not None
        if header is not None:
            found |= dict.fromkeys(header.columns)
        decided.append(
            source
            if header is None
            else msgspec.structs.replace(source, delimiter=header.delimiter)
        )
    return decided, tuple(found) if is_known else None


def _check_rejects(path: Path, sources: Sequence[Source], *, is_resuming: bool) -> None:
    formats = {source.format for source in sources}
    if len(formats) > 1:
        raise wrong("--rejects: the files must be all CSV or all JSONL, as the rejects are.")
    suffixes = (".csv",) if formats == {CSV} else (".jsonl", ".ndjson")
    if path.suffix.lower() not in suffixes:
        raise wrong(f"--rejects: the name must end in {suffixes[0]}, as the rows' format is.")
    if len(sources) > 1 and not all(map(can_be_read_again, sources)):
        raise wrong("--rejects: a file that can be read only once must be imported by itself.")
    if any(
        path.exists() and path.samefile(container(source.name))
        for source in sources
        if source.name != STANDARD_INPUT
    ):
        raise wrong("--rejects: this is the file that is imported; name another one.")
    if not is_resuming and path.exists() and path.stat().st_size:
        raise wrong(f"--rejects: {path} exists already; name another file, or --resume.")


def encoding(text: str) -> str:
    """Return the name of an encoding, for a parser of arguments."""
    if text and not is_encoding(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no encoding; give one such as cp1252.")
    return text


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more.")
    return number
