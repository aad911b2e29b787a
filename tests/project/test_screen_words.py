"""The words on screen: labels that were replaced do not come back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from subscribers.models import OutgoingEmail

ROOT = Path(__file__).parents[2]
OLD_LABELS = {
    "asked", "else", "failed stage", "failed stages", "for what", "in the way of mail", "left",
    "let nobody in", "may", "put on", "settle", "starts by", "stops early", "stops early by",
    "take off", "the way so far", "waits for", "what they bear", "what they did", "what they get",
    "why",
}  # fmt: skip
SCREENS = (
    "config", "events/admin", "events/models", "events/wording",
    "subscribers/admin", "subscribers/models", "subscribers/pages",
)  # fmt: skip
NAMED = {"description", "label", "verbose_name", "verbose_name_plural", "title"}
TEXT = re.compile(r">\s*([^<>{}]+?)\s*<")


def labels_in(source: str) -> Iterator[str]:
    """Yield what may be a label: capitalised literals, and arguments that are labels by name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(text)) if text[:1].isupper():
                yield text
            case ast.keyword(arg=name, value=ast.Constant(value=str(text))) if name in NAMED:
                yield text


def test_no_old_label_is_on_a_screen() -> None:
    code = [path for folder in SCREENS for path in (ROOT / folder).rglob("*.py")]
    pages = list((ROOT / "templates").rglob("*.html"))
    labels = [label for path in code for label in labels_in(path.read_text())]
    labels += [label for path in pages for label in TEXT.findall(path.read_text())]

    assert len(labels) > 500
    assert {label for label in labels if label.strip(" :").lower() in OLD_LABELS} == set()
    assert OutgoingEmail.Status.UNKNOWN.label == "Delivery unknown"
