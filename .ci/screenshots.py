"""Photographs four pages of the demo: screenshots.py URL FOLDER; `.ci/screenshots` calls it."""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SIZE = {"width": 1280, "height": 860}


def main(url: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
        page.goto(f"{url}/admin/")
        page.fill("input[name=username]", "mia")
        page.fill("input[name=password]", os.environ["ADMIN_PASSWORD"])
        page.click("button[type=submit]")
        page.wait_for_selector("text=Needs you")
        page.goto(f"{url}/admin/")
        shoot(page, folder / "home.png")
        page.goto(f"{url}/admin/events/sequence/")
        page.click("#result_list a:has-text('Trial to customer')")
        page.wait_for_selector("text=Numbers of the last")
        page.locator("text=Numbers of the last").evaluate("line => line.scrollIntoView()")
        shoot(page, folder / "sequence.png")
        page.goto(f"{url}/admin/events/enrollment/?status__exact=waiting")
        page.click("#result_list a")
        page.click("main a[href*='/subscribers/subscriber/']")
        shoot(page, folder / "person.png")
        page.click("text=Why (not)?")
        page.click("main a:has-text('Trial to customer'), main a:has-text('Welcome')")
        shoot(page, folder / "why.png")
        browser.close()


def shoot(page: Page, path: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
