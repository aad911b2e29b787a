"""The handbook as it is served: every page, its links, its policy."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config import handbook

NAMES = [path.stem for path in handbook.FOLDER.glob("*.md")]


def address(name: str) -> str:
    return "/docs/" if name == "index" else f"/docs/{name}/"


def test_every_file_is_listed() -> None:
    assert {*handbook.pages(), "index"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_served_under_a_strict_policy_and_may_be_cached(
    client: Client, name: str
) -> None:
    reply = client.get(address(name))

    policy = reply.headers["Content-Security-Policy"]
    assert reply.status_code == 200
    assert reply.text.count("<h1") == 1
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert reply.headers["Cache-Control"] == "public, max-age=300"
    assert not reply.cookies


@pytest.mark.parametrize("name", NAMES)
def test_its_links_lead_to_pages_and_headings_that_are_there(client: Client, name: str) -> None:
    page = client.get(address(name)).text
    links = [
        link for link in re.findall(r'href="([^"]*)"', page) if link.startswith(("/docs", "#"))
    ]

    for link in links:
        path, _, anchor = link.partition("#")
        target = client.get(path).text if path else page
        assert not anchor or f'id="{anchor}"' in target, link
    assert len(links) > len(NAMES)
    assert '.md"' not in page


@pytest.mark.parametrize("name", ["nothing", "index", "..", "settings.md"])
def test_there_is_no_other_page(client: Client, name: str) -> None:
    assert client.get(f"/docs/{name}/").status_code == 404


def test_it_takes_no_other_method(client: Client) -> None:
    assert client.post("/docs/").status_code == 405
    assert client.head("/docs/settings/").status_code == 200
    assert client.get("/docs").headers["Location"] == "/docs/"


def test_the_admin_leads_to_it(admin_client: Client, admin_user: User) -> None:
    assert 'href="/docs/"' in admin_client.get("/admin/").text


def test_raw_html_in_a_file_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.md").write_text("# A <script>x</script>\n\n<img src=x>\n")
    monkeypatch.setattr(handbook, "FOLDER", tmp_path)
    # Its own is remembered by the process.
    monkeypatch.setattr(handbook, "pages", dict)

    page = handbook._rendered.__wrapped__("index")

    assert "<script" not in page
    assert "<img" not in page
