"""Signing in by the forms, and an authenticator app."""

import base64
import re
import time
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from django_otp.oath import totp

PASSWORD = "correct horse battery"


def sign_in(
    password: str = PASSWORD,
    *,
    name: str = "ada",
    address: str = "192.0.2.1",
    client: Client | None = None,
) -> Any:
    """Send the form with name and password."""
    fields = {"username": name, "password": password}
    return (client or Client()).post("/admin/login/", fields, REMOTE_ADDR=address)


def code_of(key: str, *, at: datetime | None = None) -> str:
    """Return what an app shows for a key in hexadecimal."""
    moment = at.timestamp() if at else time.time()
    return f"{totp(bytes.fromhex(key), t0=-int(moment - time.time())):06}"


def key_on(page: str) -> str:
    """Return the key that the page to set up shows, in hexadecimal."""
    found = re.search(r'class="cueline-secret">([A-Z2-7 ]+)<', page)
    assert found
    return base64.b32decode(found[1].replace(" ", "")).hex()


def set_up(client: Client) -> tuple[str, list[str]]:
    """Set a second factor up; returns its key and the recovery codes."""
    key = key_on(client.get("/admin/second-factor/set-up/").content.decode())
    answer = client.post("/admin/second-factor/set-up/", {"code": code_of(key)})
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", answer.content.decode())
    return key, codes


def next_of(answer: Any) -> tuple[str, list[str]]:
    """Return path and `next` of a redirect."""
    parts = urlsplit(answer.headers["Location"])
    return parts.path, parse_qs(parts.query).get("next", [])
