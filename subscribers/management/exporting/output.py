"""The file that an export writes: complete under its name, or not there."""

import gzip
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from typing import IO, Any, Protocol

from django.core.management.base import CommandError

STANDARD_OUTPUT = "-"
# Twice as fast as the usual 6, and hardly larger.
_COMPRESSION = 4


class Sink(Protocol):
    def write(self, lines: bytes, /) -> Any:  # noqa: ANN401 - how many bytes, if it says so
        """Take whole lines of UTF-8."""


@contextmanager
def opened(*, name: str, standard_output: Any) -> Iterator[Sink]:  # noqa: ANN401 - Django's wrapper
    """Open a file, or standard output for `-`; `.gz` at the end of the name compresses.

    The file replaces one of its name only once it is complete; a partial one is removed. A special
    file, such as a pipe, is written directly. Raises `CommandError` when it cannot be written.
    """
    if name == STANDARD_OUTPUT:
        yield _Standard(standard_output)
        standard_output.flush()
        return
    try:
        path = Path(name).resolve()
        is_special = path.exists() and not path.is_file()
        with path.open("wb") if is_special else _replaced(path) as file:
            if name.lower().endswith(".gz"):
                with gzip.GzipFile("", "wb", _COMPRESSION, file) as compressed:
                    yield compressed
            else:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"{name} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _replaced(path: Path) -> Iterator[BufferedWriter]:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class _Standard:
    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - Django's wrapper
        self._stream = stream
        self._bytes: IO[bytes] | None = getattr(stream, "buffer", None)

    def write(self, lines: bytes, /) -> None:
        if self._bytes is None:
            self._stream.write(lines.decode(), ending="")
        else:
            self._bytes.write(lines)
