"""What contributors read names files and rooms that exist, and leaves no room out."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRIBUTING = ROOT / ".github/CONTRIBUTING.md"
APPS = [ROOT / "events", ROOT / "subscribers"]
DECISIONS = sorted((ROOT / ".github/decisions").glob("*.md"))
PAGES = [CONTRIBUTING, *(app / "README.md" for app in APPS), *DECISIONS]
# A path in backticks: it has a slash, or ends as a file does.
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]*)+|[\w-]+\.(?:py|md|toml))`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
DECISION = re.compile(r"\.github/decisions/([\w-]+\.md)")
RECIPE = re.compile("^### Add ", re.MULTILINE)
NOT_YET_THERE = "events/language/steps/kinds/KIND.py"
RECIPES = ("a step kind", "a subscriber field", "a trigger", "a reason", "a setting")
WITHOUT_ROOM = {"locale", "migrations", "__pycache__"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_room_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    named = [name for name in PATH.findall(text) if name != NOT_YET_THERE]
    linked = LINK.findall(text)

    assert named or linked
    for name in named:
        assert (ROOT / name).exists() or (page.parent / name).exists(), name
    for name in linked:
        assert (page.parent / name).exists(), name


def test_each_recipe_is_a_list_of_files() -> None:
    recipes = dict(part.split("\n", 1) for part in RECIPE.split(CONTRIBUTING.read_text()))

    for name in RECIPES:
        steps = re.findall(r"^\d+\. (.*)", recipes[name], re.MULTILINE)
        assert len(steps) >= 2
        assert PATH.search(steps[0])


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_the_page_of_an_app_names_each_of_its_rooms(app: Path) -> None:
    text = (app / "README.md").read_text()
    rooms = [f"{room.name}/" for room in app.iterdir() if room.is_dir()]
    of_services = [f"services/{room.name}" for room in (app / "services").iterdir()]

    for name in rooms:
        assert name.rstrip("/") in WITHOUT_ROOM | {"services"} or f"`{name}`" in text, name
    for name in of_services:
        assert name.endswith((".py", "__pycache__")) or f"`{name}`" in text, name


def test_a_decision_that_the_code_names_is_there() -> None:
    code = [path for app in [ROOT / "config", *APPS] for path in app.rglob("*.py")]
    named = {name for path in code for name in DECISION.findall(path.read_text())}

    assert named <= {path.name for path in DECISIONS}
    assert named
