"""The step `email`: sends a mail."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from events.language.fields import (
    Fields,
    optional_text_reader,
    read_flag,
    read_storable,
    text_reader,
)
from events.language.steps.kinds.base import BaseStep
from subscribers.templating import mail, markdown
from subscribers.wire.payloads import InvalidField

LONGEST_SUBJECT = 998  # RFC 5322, 2.1.1: of a line.
MOST_CONTENT_BYTES = 512 * 1024
FORMATS = ("html", "markdown")
TEMPLATES = ("subject", "previewText", "html", "body", "text")


class EmailStep(BaseStep, frozen=True):
    """Sends a mail; the four texts are templates, and html or text must be given.

    With `body_format` markdown, `html` is Markdown, and `page` its HTML. `on_failure` applies when
    the mail has failed for good.
    """

    kind: ClassVar = "email"

    subject: str
    preview_text: str = ""
    html: str = ""
    body_format: Literal["html", "markdown"] = "html"
    text: str = ""
    # Whether its HTML goes into the workspace's layout.
    use_layout: bool = True
    is_transactional: bool = False
    on_failure: Literal["continue", "end"] = "continue"
    # Marketing mail always waits for the sequence's sending window.
    respect_window: bool = False

    @classmethod
    def read(cls, fields: Fields) -> Self:
        if fields.is_given("blocks"):
            fields.fault("blocks", "is not supported: give the content as html or text.")
        html = fields.first_given("html", "body")
        step = cls(
            subject=fields.read_needed("subject", text_reader(LONGEST_SUBJECT), ""),
            preview_text=fields.read("previewText", optional_text_reader(LONGEST_SUBJECT), ""),
            html=fields.read(html, _read_content, ""),
            body_format=fields.read_choice("bodyFormat", FORMATS, "html"),
            text=fields.read("text", _read_content, ""),
            use_layout=fields.read("useLayout", read_flag, default=True),
            is_transactional=fields.read("isTransactional", read_flag, default=False),
            on_failure=fields.read_choice("onFailure", ("continue", "end"), "continue"),
            respect_window=fields.read("respectWindow", read_flag, default=False),
        )
        is_wrong = {fields.path_of(name) for name in (html, "text", "blocks")}
        if not (step.html or step.text or is_wrong & {fault.path for fault in fields.faults}):
            fields.fault("html", "is missing: give html, text or both.")
        return step

    def check_sent(self, fields: Fields) -> None:
        """Keep a fault of each template that cannot be rendered."""
        wrong = {fault.path for fault in fields.faults}
        for name in TEMPLATES:
            if fields.path_of(name) not in wrong and isinstance(fields.raw.get(name), str):
                try:
                    mail.check(fields.raw[name])
                    if self.is_markdown and name == fields.first_given("html", "body"):
                        self._check_markdown()
                except mail.TemplateFault as error:
                    fields.fault(name, str(error))

    def _check_markdown(self) -> None:
        """Raise `TemplateFault` for Markdown that takes too long, or that parts its own tags."""
        size = len(self.html.encode())
        if size > markdown.MOST_BYTES:
            most = f"{markdown.MOST_BYTES:,}"
            raise mail.TemplateFault(f"has {size:,} bytes; Markdown may have at most {most}.")
        brackets = self.html.count("[")
        if brackets > markdown.MOST_BRACKETS:
            most = f"{markdown.MOST_BRACKETS:,}"
            raise mail.TemplateFault(f"has {brackets:,} “[”; Markdown may have at most {most}.")
        mail.check(self.page)

    def as_wire(self) -> dict[str, Any]:
        """Call Markdown `body`: it is no HTML."""
        parts = super().as_wire()
        return {"body" if self.is_markdown and n == "html" else n: parts[n] for n in parts}

    @property
    def is_markdown(self) -> bool:
        return self.body_format == "markdown"

    @property
    def page(self) -> str:
        """The template of its HTML."""
        return markdown.to_html(self.html) if self.is_markdown else self.html

    @property
    def is_urgent(self) -> bool:
        return self.is_transactional

    @property
    def waits_for_window(self) -> bool:
        return self.respect_window or not self.is_transactional

    @property
    def texts(self) -> Sequence[str]:
        return (self.subject, self.preview_text, self.page, self.text)


def _read_content(value: object) -> str:
    content = read_storable(value)
    size = len(content.encode())
    if size > MOST_CONTENT_BYTES:
        raise InvalidField(f"has {size} bytes; at most {MOST_CONTENT_BYTES} are allowed.")
    return content if content.strip() else ""
