"""How an import reads its columns: the options that say it, and the survey."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import msgspec
from django.core.management.base import CommandParser

from subscribers.management.importing.arguments import ImportRequest, check_fields, pair, wrong
from subscribers.models import ImportRun
from subscribers.rows import first_lines, name_cells, times, typed_cells
from subscribers.rows.columns import FULL_NAME, Fields
from subscribers.rows.files import can_be_read_again, check_encoding, read_rows
from subscribers.rows.plans import ColumnPlan, from_stored, renaming, value_key
from subscribers.rows.row import InvalidFile, Row
from subscribers.rows.survey import Needs, Wishes, check_needs, survey
from subscribers.wire.payloads import InvalidField

# Of a pipe, which can be read only once, so many rows are looked at.
ROWS_OF_A_PIPE = 100
VALUE = "FIELD:THEIRS=OURS"
SET = "FIELD=VALUE"


def add(parser: CommandParser) -> None:
    def repeated(name: str, metavar: str, text: str) -> None:
        parser.add_argument(name, action="append", default=[], metavar=metavar, help=text)

    repeated("--ignore-column", "COLUMN", "A column to leave out.")
    repeated("--value", VALUE, "What a word of the file means: status:enabled=active.")
    repeated("--set", SET, "The same for every row: status=unsubscribed, tags=a;b.")
    repeated(
        "--date-format",
        "[COLUMN=]FORMAT",
        f"The form of times: {', '.join(times.FORMS)}, or a pattern such as %%d.%%m.%%Y.",
    )
    repeated(
        "--types",
        "COLUMN=TYPE,…",
        f"The types of columns of attributes or properties: {', '.join(typed_cells.TYPES)}.",
    )
    parser.add_argument(
        "--timezone",
        metavar="ZONE",
        help="Of times that name none; without it the workspace's time zone.",
    )
    parser.add_argument(
        "--as-text",
        action="store_true",
        help="Keep cells of attributes and properties as texts, also numbers, true, false and "
        "null.",
    )
    parser.add_argument(
        "--split-name", metavar="COLUMN", help="A column with first and last name in one."
    )


def kept_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a resumed run must repeat."""
    names = {
        "ignoreColumn": "ignore_column", "value": "value", "set": "set", "types": "types",
        "dateFormat": "date_format", "timezone": "timezone", "splitName": "split_name",
    }  # fmt: skip
    given = {key: options[name] for key, name in names.items() if options[name]}
    return {**given, "asText": options["as_text"]}


def wishes_of(*, options: Mapping[str, Any], fields: Fields, zone: str) -> Wishes:
    """Return what the options say of columns; raises `CommandError` for what no file can have."""
    zone = options["timezone"] or zone
    if times.zone_of(zone) is None:
        raise wrong(f"--timezone: there is no time zone {zone!r}; give one such as Europe/Berlin.")
    renamed = dict(options["map"])
    if options["split_name"]:
        if FULL_NAME not in fields:
            raise wrong("--split-name: these rows have no names of people.")
        renamed[options["split_name"]] = FULL_NAME
    date_formats = dict(map(date_format, options["date_format"]))
    return Wishes(
        map=renamed,
        ignored=frozenset(options["ignore_column"]),
        types=dict(_types(options["types"])),
        date_formats=date_formats,
        values=_values(options["value"], fields),
        constants=_constants(options["set"], fields, form=date_formats.get("", ""), zone=zone),
        zone=zone,
        is_text_kept=options["as_text"],
        taken=frozenset(options.get("event_id_from") or ()),
    )


def plan_of(
    *,
    asked: ImportRequest,
    fields: Fields,
    wishes: Wishes,
    needs: Needs,
    is_whole: bool,
    advice: str = "",
) -> tuple[ColumnPlan, Iterator[Row] | None]:
    """Return the plan of the files, and the rows where they can be read only once.

    Raises `CommandError` with what to type where a column cannot be decided, and the `advice`.
    """
    rows = read_rows(sources=asked.sources)
    name = asked.sources[0].name if len(asked.sources) == 1 else "The files"
    ahead: list[Row] | None = None
    try:
        if all(map(can_be_read_again, asked.sources)):
            for source in asked.sources:
                check_encoding(source)
        else:
            ahead = list(islice(rows, ROWS_OF_A_PIPE))
        found = survey(
            rows=rows if ahead is None else ahead,
            fields=fields,
            wishes=wishes,
            name=name,
            # Another file may have other columns.
            is_whole=is_whole or len(asked.sources) > 1,
            columns=asked.columns or (),
        )
        check_needs(plan=found, needs=needs, name=name)
    except InvalidFile as error:
        of_lines = "" if ahead is not None else first_lines.advice(asked.sources[0])
        raise wrong(f"{error}{of_lines}{advice}") from error
    if ahead is None:
        return found, None
    # How many follow is not known.
    return msgspec.structs.replace(found, rows=0), chain(ahead, rows)


def stored_plan(run: ImportRun, options: Mapping[str, Any]) -> ColumnPlan:
    """Return the plan that a run began with; one of release 0.2.0 goes on as it began."""
    if run.mapping is None:
        return renaming(options["map"], is_text_kept=options["as_text"])
    return from_stored(run.mapping)


def _types(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in given:
        for each in text.split(","):
            column, _, kind = each.rpartition("=")
            if kind.strip() not in typed_cells.TYPES:
                raise wrong(f"--types: {each!r} is not COLUMN={'|'.join(typed_cells.TYPES)}.")
            yield column.strip(), kind.strip()


def date_format(text: str) -> tuple[str, str]:
    """Return the column, or an empty text, and the form; raises `CommandError`."""
    column, _, form = text.rpartition("=")
    if not times.is_form(form):
        raise wrong(
            f"--date-format: {form!r} is no form; there are {', '.join(times.FORMS)} and patterns "
            "such as %d.%m.%Y."
        )
    return column.strip(), form


def _values(given: Sequence[str], fields: Fields) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for text in given:
        left, ours = pair("--value", text, form=VALUE)
        field, colon, theirs = left.partition(":")
        if not colon:
            raise wrong(f"--value: {text!r} is not {VALUE}.")
        check_fields("--value", [field], fields)
        found.setdefault(field, {})[value_key(theirs)] = ours
    return found


def _constants(given: Sequence[str], fields: Fields, *, form: str, zone: str) -> dict[str, Any]:
    """Return the values of all rows; `form` is that of times in any column."""
    found: dict[str, Any] = {}
    for text in given:
        field, value = pair("--set", text, form=SET)
        check_fields("--set", [field], fields)
        try:
            read = _constant(field, value, fields, form=form, zone=zone)
        except times.Undecided as error:
            raise wrong(
                f"--set {field}: {error} Give --date-format FORMAT, such as d/m/Y."
            ) from error
        except (InvalidField, name_cells.InvalidNames) as error:
            raise wrong(f"--set {field}: {error}") from error
        found[field] = [*found.get(field, []), *read] if field in fields.names else read
    return found


def _constant(field: str, value: str, fields: Fields, *, form: str, zone: str) -> Any:  # noqa: ANN401 - any JSON value
    if fields.is_key(field):
        return typed_cells.value_of(value)
    if field in fields.names:
        separator = name_cells.decide(name_cells.separators_in(value))
        return name_cells.parted(value, separator=separator) or []
    if field in fields.times and not times.STRICT.fullmatch(value):
        seen = times.form_of(value)
        form = form or times.decide({seen} if seen else set())
        return times.reader(form=form, zone=zone)(value)
    read = fields.cells[field]
    return value if read is None else read(value)
