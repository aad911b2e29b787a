"""Progress on standard error: a bar on a terminal, else a line every five seconds."""

import time
from collections.abc import Sequence
from typing import Self, TextIO

from tqdm import tqdm

from subscribers.management.importing.arguments import ImportRequest
from subscribers.management.importing.rejects_file import described
from subscribers.rows.files import stored_size
from subscribers.rows.row import Meter, Source
from subscribers.services.imports.runs import Counted, Rejected

SECONDS_BETWEEN_LINES = 5
MOST_SHOWN_REJECTS = 20
SIZED = "{percentage:3.0f}% |{bar}| {desc} {elapsed}, {remaining} left"
UNSIZED = "{desc} {elapsed}"


class _Bar(tqdm):  # type: ignore[type-arg] # generic for the type checker alone
    # No monitoring thread: it moves with each batch.
    monitor_interval = 0


class Progress:
    """Shows the counts of a run's batches, and its first rejected rows."""

    def __init__(
        self,
        *,
        stream: TextIO,
        asked: ImportRequest,
        meter: Meter,
        earlier: Counted,
        already_read: int,
        is_quiet: bool,
    ) -> None:
        """`earlier` and `already_read` are the counts and the bytes of earlier processes."""
        self.counted = Counted()
        # The place and the faults of the last rejected row.
        self.last_refused = ""
        self._earlier_rows, self._earlier_rejected = earlier.rows, earlier.rejected
        self._stream = stream
        self._asked = asked
        self._meter = meter
        self._is_quiet = is_quiet
        self._shown_rejects = 0
        self._begun = self._last_line = time.monotonic()
        self._already_read = already_read
        self._size = _size(asked.sources)
        self._bar: _Bar | None = None
        if not is_quiet and stream.isatty():
            self._bar = _Bar(
                total=self._size,
                initial=already_read,
                file=stream,
                bar_format=SIZED if self._size else UNSIZED,
                dynamic_ncols=True,
                leave=True,
            )
            self._move_bar(self._bar)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def report(self, counted: Counted, rejected: Sequence[Rejected]) -> None:
        self.counted.add(counted)
        if rejected:
            self.last_refused = described(rejected[-1], self._asked)
        if self._is_quiet:
            return
        self._show_rejects(rejected)
        if self._bar is not None:
            self._move_bar(self._bar)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self.say(self._line())

    def say(self, text: str) -> None:
        """Write a line, above the bar."""
        if self._bar is not None:
            self._bar.clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()
        if self._bar is not None:
            self._bar.refresh()

    def _show_rejects(self, rejected: Sequence[Rejected]) -> None:
        room = MOST_SHOWN_REJECTS - self._shown_rejects
        for each in rejected[: max(room, 0)]:
            self.say(_printable(described(each, self._asked)))
        self._shown_rejects += len(rejected)
        if 0 <= room < len(rejected):
            self.say("More rows are rejected; they are counted but not shown.")

    def _move_bar(self, bar: _Bar) -> None:
        bar.set_description_str(self._rows(), refresh=False)
        bar.update(max(self._meter.bytes_read - bar.n, 0))
        bar.refresh()

    def _rows(self) -> str:
        rate = self.counted.rows / max(time.monotonic() - self._begun, 0.001)
        rejected = self._earlier_rejected + self.counted.rejected
        bad = f", {rejected:,} rejected" if rejected else ""
        return f"{self._earlier_rows + self.counted.rows:,} rows{bad}, {rate:,.0f}/s"

    def _line(self) -> str:
        if not self._size:
            return f"{self._rows()}."
        done = self._meter.bytes_read
        seconds = time.monotonic() - self._begun
        ahead = max(self._size - done, 0)
        left = ahead * seconds / max(done - self._already_read, 1)
        return f"{self._rows()}, {done / self._size:.0%}, {_duration(left)} left."


def _size(sources: Sequence[Source]) -> int | None:
    """Return the stored size of all files; None where one is unknown."""
    sizes = [stored_size(source) for source in sources]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _printable(text: str) -> str:
    shown = (each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:500])
    return "".join(shown)
