"""Hostile texts in every field run on no page of the admin: all its addresses and their links."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_admin_in_a_browser import WATCH, sign_in
from tests.support.admin_walk import ROOT, World, addresses, asked_of, make_world

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST_PAGES = 250
LINKS = "() => [...document.querySelectorAll('a[href]')].map(each => each.href)"
ID = re.compile(r"/(?:[0-9a-f]{8}-[0-9a-f-]{27}|\d+)/")
VALUE = re.compile(r"=[^&]*")


def kind_of(address: str) -> str:
    """Return an address without ids and values: one page of a kind is enough.

    Links with several parameters combine filters.
    """
    path, _, query = address.partition("?")
    return f"{ID.sub('/id/', path)}?{VALUE.sub('', query)}"


def pages(world: World) -> Iterator[str]:
    """Yield the addresses of pages; actions answer with an empty 405."""
    client = Client()
    client.force_login(User.objects.get(username="ada"))
    for each in addresses(world):
        asked = asked_of(world, each)
        if client.get(each.path, asked).status_code == 200:
            yield f"{each.path}?{urlencode(asked)}".rstrip("?")


def test_hostile_texts_run_nowhere(page: "Page", live_server: LiveServer) -> None:
    from playwright.sync_api import Error  # noqa: PLC0415 - in `checks` only

    sign_in(page, live_server)
    world = make_world()
    dialogs: list[str] = []
    faults: list[str] = []

    def note_dialog(dialog: "Dialog") -> None:
        dialogs.append(page.url)
        dialog.dismiss()

    page.on("dialog", note_dialog)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.add_init_script(WATCH)
    waiting = [ROOT, *pages(world)]
    seen: set[str] = set()

    while waiting and len(seen) < MOST_PAGES:
        address = waiting.pop(0)
        if kind_of(address) in seen:
            continue
        seen.add(kind_of(address))
        try:
            page.goto(live_server.url + address)
        except Error as error:
            if "Download is starting" not in str(error):
                raise
            continue
        faults += [f"{address}: {each}" for each in page.evaluate("window.reports ?? []")]
        links: list[str] = page.evaluate(LINKS)
        own = live_server.url + ROOT
        waiting += [
            each.removeprefix(live_server.url).partition("#")[0]
            for each in links
            if each.startswith(own) and each.count("=") <= 1
        ]

    assert dialogs == []
    assert faults == []
    assert 100 < len(seen) < MOST_PAGES
