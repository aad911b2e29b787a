"""Processes that see another time, by Debian's faketime."""

from pathlib import Path

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def faked(offset: str) -> dict[str, str]:
    """Return what to add to a process's environment.

    The monotonic clock moves too: with FAKETIME_DONT_FAKE_MONOTONIC faketime 0.9.10 refuses
    Python's sleeps. A constant distance changes nothing for it. The program `faketime` would leave
    a file behind that fails the next one with its process id.
    """
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": offset}
