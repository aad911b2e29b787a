"""Whether this is a web process, whose connections keep prepared statements.

`config.rsgi` marks itself before Django reads the settings.
"""

import multiprocessing
import signal

from config.process_groups import end_with_parent

_marks: set[str] = set()


def mark_as_web() -> None:
    """Note that this process serves requests; call it before the settings are read.

    It ends with the server that started it: one that was left would keep the port, and no other
    could start.
    """
    _marks.add("web")
    server = multiprocessing.parent_process()
    if server and server.pid:
        end_with_parent(signal.SIGTERM, server.pid)


def is_web() -> bool:
    return "web" in _marks
