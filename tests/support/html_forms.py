"""A page's form as a browser without script would send it."""

from collections.abc import Sequence
from html.parser import HTMLParser


class _FormReader(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.fields: dict[str, list[str]] = {}
        self.is_inside = False
        self.templates = 0
        self.select = self.textarea = ""
        # The first option's value, until one is selected.
        self.chosen: tuple[str, bool] | None = None

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.is_inside = given.get("id") == self.form_id
        self.templates += tag == "template"
        if not self.is_inside or self.templates or "disabled" in given:
            return
        name, value = given.get("name", ""), given.get("value", "")
        match tag:
            case "input" if given.get("type") in {"checkbox", "radio"}:
                if "checked" in given:
                    self.add(name, value or "on")
            case "input":
                self.add(name, value)
            case "textarea":
                self.textarea = name
                self.add(name, "")
            case "select":
                self.select, self.chosen = name, None
            case "option" if self.chosen is None or "selected" in given:
                self.chosen = (value, "selected" in given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False
        self.templates -= tag == "template"
        if tag == "textarea" and self.textarea:
            # A browser leaves out the first line end, and ends lines with two characters.
            text = self.fields[self.textarea][-1].removeprefix("\n")
            self.fields[self.textarea][-1] = text.replace("\n", "\r\n")
            self.textarea = ""
        if tag == "select" and self.select:
            if self.chosen:
                self.add(self.select, self.chosen[0])
            self.select = ""

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.fields[self.textarea][-1] += data

    def add(self, name: str, value: str) -> None:
        if name:
            self.fields.setdefault(name, []).append(value)


def fields_in(page: str, *, form_id: str) -> dict[str, list[str]]:
    """Return the values by field that the form would send, without a button's."""
    reader = _FormReader(form_id)
    reader.feed(page)
    return reader.fields
