"""Pages that answer a question: asked by GET, and nothing may be written meanwhile."""

from urllib.parse import urlencode

from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.admin_base import view_url

# A session notes when it was last used.
OF_SESSION = "django_session"


def page_of(client: Client, row: Model, view: str, **asked: str) -> str:
    """Return the page of one of the row's views."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"{view_url(row, view)}?{urlencode(asked)}")
    assert answer.status_code == 200, answer.content
    for query in queries:
        statement = query["sql"].lstrip().upper()
        assert OF_SESSION in query["sql"] or not statement.startswith(
            ("INSERT", "UPDATE", "DELETE")
        )
    return str(answer.content.decode())


def statements_of(client: Client, row: Model, view: str, **asked: str) -> int:
    """Return how many statements the page takes."""
    with CaptureQueriesContext(connection) as queries:
        page_of(client, row, view, **asked)
    assert not [each["sql"] for each in queries if "COUNT(" in each["sql"].upper()]
    return len(queries)
