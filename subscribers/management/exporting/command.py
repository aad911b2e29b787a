"""The base of the export commands: writes pages of rows, and counts them."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from subscribers.management.exporting import arguments
from subscribers.management.exporting.endings import early_endings
from subscribers.management.exporting.output import STANDARD_OUTPUT, Sink, opened
from subscribers.rows import lines
from subscribers.services.people.exporting import UnknownName


class _Bar(tqdm):  # type: ignore[type-arg] # generic for the type checker alone
    # No monitoring thread: it moves with each page.
    monitor_interval = 0


class ExportCommand(BaseCommand):
    def export(
        self,
        *,
        options: Mapping[str, Any],
        pages: Callable[[], Iterable[Sequence[msgspec.Struct]]],
        row_type: type[msgspec.Struct],
        noun: str,
    ) -> None:
        """Write all pages, then the number of rows to standard error.

        Ctrl-C and SIGTERM leave no file and end with 130. Raises `CommandError`.
        """
        name: str = options["file"]
        line_format = arguments.format_of(options)
        try:
            with (
                early_endings(name=name, say=self.stderr.write),
                opened(name=name, standard_output=self.stdout) as sink,
                self._bar(options, noun) as bar,
            ):
                rows = _written(sink, bar, pages(), row_type, line_format)
        except UnknownName as error:
            raise CommandError(str(error)) from error
        if options["verbosity"] > 0:
            where = "" if name == STANDARD_OUTPUT else f" to {name}"
            self.stderr.write(f"Exported {rows:,} {noun}{where}.", self.style.SUCCESS)

    def _bar(self, options: Mapping[str, Any], noun: str) -> _Bar:
        has_rows = options["file"] == STANDARD_OUTPUT and self.stdout.isatty()
        return _Bar(
            # Django's own stream would end each state of the bar with a new line.
            file=sys.stderr,
            disable=not self.stderr.isatty() or has_rows or options["verbosity"] == 0,
            bar_format=f"{{n:,}} {noun}, {{elapsed}}",
            leave=False,
            delay=1,
        )


def _written(
    sink: Sink,
    bar: _Bar,
    pages: Iterable[Sequence[msgspec.Struct]],
    row_type: type[msgspec.Struct],
    line_format: str,
) -> int:
    sink.write(lines.heading(row_type=row_type, line_format=line_format))
    rows = 0
    for page in pages:
        sink.write(lines.lines(rows=page, line_format=line_format))
        rows += len(page)
        bar.update(len(page))
    return rows
