"""50,000 rows in a real browser against real processes: upload, columns, cancel, resume, rejects.

On PostgreSQL a second host's worker shares the work. It runs when it is asked for:

    TEST_DATABASE=postgresql uv run pytest -m soak tests/browser/test_import_in_a_browser.py
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.test_questions_in_a_browser import assert_everybody_can_use
from tests.support.running import Running, Start
from tests.support.working import Working, value_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.soak]

ROWS = 50_000
BAD_EVERY = 5_000
PEOPLE = "SELECT count(*) FROM subscribers_subscriber"
LEFT = f"{PEOPLE} WHERE status = 'unsubscribed'"
TWICE = "SELECT count(*) - count(DISTINCT email_key) FROM subscribers_subscriber"
# Larger than a part, so that the file comes in several.
NOTE = "x" * 80
MILLISECONDS_TO_IMPORT = 120_000


@pytest.fixture
def hosts(environment: dict[str, str], start: Start, tmp_path: Path) -> Iterator[Running]:
    """The web process with a worker, and where the database can be shared a second worker."""
    running = start()
    running.wait_until_it_runs()
    other = None
    if environment.get("DATABASE_URL"):
        key = (Path(environment["DATA_DIR"]) / "secret_key").read_text().strip()
        elsewhere = {**environment, "DATA_DIR": str(tmp_path / "other"), "SECRET_KEY": key}
        other = Working(elsewhere, tmp_path / "other-log")
    yield running
    if other is not None:
        other.process.terminate()
        other.process.wait(timeout=60)


def write_people(path: Path) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["E-Mail", "First Name", "Member since", "Seats", "Mail consent", "Note"])
        for number in range(ROWS):
            is_bad = number % BAD_EVERY == 7
            rows.writerow([
                f"broken {number}" if is_bad else f"p{number}@example.com",
                f"Ada {number}",
                f"{1 + number % 28:02}.{1 + number % 12:02}.2024 10:00",
                number % 9,
                "no" if number % 50 == 0 else "yes",
                NOTE,
            ])  # fmt: skip


def sign_in(page: "Page", running: Running) -> str:
    """Sign in with what the first run printed; returns the address of the admin."""
    found = re.search(r"Password\s+(\S+)", running.first_run())
    assert found
    admin = f"http://127.0.0.1:{running.port}/admin"
    page.goto(f"{admin}/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", found[1])
    page.click("button[type=submit]")
    page.wait_for_selector("#nav-sidebar")
    return admin


def choose(page: "Page", column: str, field: str) -> None:
    page.get_by_label(f"Imported as: {column}", exact=True).select_option(label=field)


def press(page: "Page", label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def upload(page: "Page", admin: str, path: Path) -> None:
    page.goto(f"{admin}/subscribers/importrun/")
    page.goto(f"{admin}/subscribers/importrun/add/")
    page.set_input_files("input[name=file]", path)
    press(page, "Upload")
    page.wait_for_url("**/columns/")
    page.wait_for_selector(".cueline-import table", timeout=MILLISECONDS_TO_IMPORT)


def test_a_file_of_50_000_people(
    page: "Page", hosts: Running, environment: dict[str, str], tmp_path: Path
) -> None:
    write_people(tmp_path / "people.csv")
    admin = sign_in(page, hosts)

    upload(page, admin, tmp_path / "people.csv")
    assert_everybody_can_use(page)
    choose(page, "Member since", "Created at")
    choose(page, "Seats", "Attributes: Seats")
    press(page, "Import")
    # A column that may say who left must be read, or left out in words.
    page.wait_for_selector("text=looks as if it says who left")
    assert value_of(environment, PEOPLE) == 0
    choose(page, "Mail consent", "Subscribed")
    press(page, "Import")

    page.wait_for_selector("text=/[1-9][0-9,]* of 50,000 rows/", timeout=MILLISECONDS_TO_IMPORT)
    page.click("text=The import and its result")
    press(page, "Cancel the import")
    page.wait_for_selector("text=Cancelled the import")
    done = value_of(environment, PEOPLE)
    assert 0 < done < ROWS
    press(page, "Resume the import")
    page.wait_for_selector("text=The import finished.", timeout=MILLISECONDS_TO_IMPORT)
    assert_everybody_can_use(page)

    bad = ROWS // BAD_EVERY
    assert value_of(environment, PEOPLE) == ROWS - bad
    assert value_of(environment, TWICE) == 0
    assert value_of(environment, LEFT) == ROWS // 50
    with page.expect_download() as downloading:
        press(page, "Download the rejects")
    rejects = tmp_path / "rejects.csv"
    downloading.value.save_as(rejects)
    corrected = (
        rejects.read_text().replace("broken ", "mended-").replace(",Ada", "@example.com,Ada")
    )
    assert corrected.count("@example.com") == bad
    rejects.write_text(corrected)

    upload(page, admin, rejects)
    choose(page, "Mail consent", "Subscribed")
    press(page, "Import")
    page.click("text=The import and its result")
    page.wait_for_selector("text=The import finished.", timeout=MILLISECONDS_TO_IMPORT)
    assert value_of(environment, PEOPLE) == ROWS
