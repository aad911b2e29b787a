"""What all pages share: the reader's language, the workspace's colour, and no more."""

import re
import struct
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from subscribers.pages import colors, looks
from subscribers.pages.unsubscribe import REASONS
from subscribers.services.consent import unsubscribing
from tests import factories

pytestmark = pytest.mark.django_db
GERMAN = {"": "Content-Type: text/plain; charset=UTF-8\n", "Unsubscribe": "Abbestellen"}


def write_catalog(path: Path, words: dict[str, str]) -> None:
    """Write a compiled catalogue, as `msgfmt` does."""
    pairs = sorted((key.encode(), value.encode()) for key, value in words.items())
    places, texts = [], b""
    start = 28 + 16 * len(pairs)
    for column in (0, 1):
        for pair in pairs:
            places += [len(pair[column]), start + len(texts)]
            texts += pair[column] + b"\0"
    head = [0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0]
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack(f"<{len(head) + len(places)}I", *head, *places) + texts)


@pytest.fixture
def german(settings: Any, tmp_path: Path) -> None:
    """A translation that somebody added."""
    write_catalog(tmp_path / "de" / "LC_MESSAGES" / "django.mo", GERMAN)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]


@pytest.mark.parametrize(
    ("accepted", "language", "heading"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "<h1>Abbestellen</h1>"),
        ("en-GB,de;q=0.1", "en", "<h1>Unsubscribe</h1>"),
        ("fr", "en", "<h1>Unsubscribe</h1>"),
        ("", "en", "<h1>Unsubscribe</h1>"),
    ],
)
def test_a_translation_that_was_added_follows_the_reader_s_browser(
    german: None, accepted: str, language: str, heading: str
) -> None:
    answer = Client().get("/u/x", headers={"Accept-Language": accepted})

    page = answer.content.decode()
    assert heading in page
    assert f'<html lang="{language}" dir="ltr">' in " ".join(page.split())
    assert answer.headers["Content-Language"] == language


def test_only_what_is_translated_is_said_to_be() -> None:
    answer = Client().get("/u/x", headers={"Accept-Language": "de"})

    assert 'lang="en"' in answer.content.decode()


@pytest.mark.parametrize("color", ["#FFDD00", "#ffffff", "#000000", "#808080", "#2b655f"])
def test_a_workspace_s_colour_is_used_with_text_that_can_be_read(color: str) -> None:
    person = factories.SubscriberFactory.create(workspace__color=color)

    page = Client().get(f"/u/{unsubscribing.link_token(person)}").content.decode()

    assert f"--brand:{color.lower()};--on-brand:{colors.text_on(color)};" in page


@pytest.mark.parametrize("color", ["", "red", "#fff", "#12345g", "</style><script>", "#2b655f;x:y"])
def test_what_is_no_colour_gives_ours(color: str) -> None:
    style = looks.style_of(color)

    assert style == looks.style_of(looks.OURS)


@pytest.mark.parametrize("color", ["#ffffff", "#000000", "#ffff00", "#101014", "#2b655f"])
def test_a_control_stands_out_from_the_card_by_light_and_by_dark(color: str) -> None:
    edges = [part[:7] for part in looks.style_of(color).split("--edge:")[1:]]

    ratios = [
        colors.contrast(edge, card)
        for edge, card in zip(edges, (looks.LIGHT_CARD, looks.DARK_CARD), strict=True)
    ]

    assert min(ratios) >= 3


def test_the_cards_are_those_of_the_style_sheet() -> None:
    sheet = Path("config/static/cueline/pages.css").read_text()

    assert f"--card: {looks.LIGHT_CARD};" in sheet
    assert f"--card: {looks.DARK_CARD};" in sheet


def test_the_catalogue_for_translators_has_every_text_of_the_pages() -> None:
    catalog = Path("subscribers/locale/en/LC_MESSAGES/django.po").read_text()
    texts = [str(words) for words in REASONS.values()]
    for template in Path("templates/pages").glob("*.html"):
        source = " ".join(template.read_text().split())
        texts += re.findall(r'{% translate "([^"]+)" %}', source)
        longer = re.findall(r"{% blocktranslate .*?%} (.*?) {% endblocktranslate %}", source)
        texts += [re.sub(r"{{ (\w+) }}", r"%(\1)s", text) for text in longer]

    missing = [text for text in texts if f'msgid "{text}"\n' not in catalog]

    assert len(texts) > 30
    assert missing == []
