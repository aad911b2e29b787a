"""Whether this is a web process, whose connections keep prepared statements.

`config.rsgi` marks itself before Django reads the settings.
"""

_marks: set[str] = set()


def mark_as_web() -> None:
    """Note that this process serves requests; call it before the settings are read."""
    _marks.add("web")


def is_web() -> bool:
    return "web" in _marks
