"""Imports that a request asks for, and the worker's part of them."""

from typing import Any

from subscribers import tasks
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, done

IMPORTS = f"{PEOPLE}/imports"
ADA = {"email": "ada@example.com", "firstName": "Ada", "tags": ["VIP"]}


def asked(caller: Caller, *rows: Any, **options: Any) -> Any:
    return done(caller.post(IMPORTS, {"subscribers": list(rows), **options}))


def result(caller: Caller, answer: Any) -> Any:
    """Let the worker take everything in; return how the import ended."""
    while tasks.carry_on_imports():
        pass
    return done(caller.get(f"{IMPORTS}/{answer['import']['id']}"))["import"]
