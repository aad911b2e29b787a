"""Whether this is a web process; only those may have a connection pool.

`config.wsgi` marks itself before Django reads the settings. Workers and commands never do: django-q
forks, and a pool's sockets shared by two processes lose answers.
"""

_marks: set[str] = set()


def mark_as_web() -> None:
    """Note that this process serves requests; call it before the settings are read."""
    _marks.add("web")


def is_web() -> bool:
    return "web" in _marks
