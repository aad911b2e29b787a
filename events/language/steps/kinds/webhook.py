"""The step `webhook`: calls a URL, signed."""

from typing import ClassVar, Literal, Self

from events.egress import targets
from events.language.fields import Fields, text_reader
from events.language.steps.kinds.base import BaseStep


class WebhookStep(BaseStep, frozen=True):
    """Calls a URL (https), signed; `on_error` applies when it fails for good."""

    kind: ClassVar = "webhook"

    url: str
    on_error: Literal["fail", "continue", "exit"] = "fail"

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            url=fields.read_needed("url", text_reader(targets.LONGEST_URL), ""),
            on_error=fields.read_choice("onError", ("fail", "continue", "exit"), "fail"),
        )

    def check_sent(self, fields: Fields) -> None:
        """Keep a fault of a URL without https; `egress` checks the rest at each call."""
        if not self.url:
            return
        try:
            targets.check_url(self.url, allow_private=True)
        except targets.UnsafeAddress as error:
            fields.fault("url", error.problem)
        else:
            if not self.url.lower().startswith("https://"):
                fields.fault("url", "must begin with https://.")
