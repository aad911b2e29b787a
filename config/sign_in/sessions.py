"""Django's sessions in the database, for keys that can be one."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """A quoted cookie may hold what PostgreSQL does not take, such as NUL: that is no session."""

    def __init__(self, session_key: str | None = None) -> None:
        is_key = session_key is not None and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if is_key else None)
