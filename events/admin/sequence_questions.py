"""The questions that a sequence's page answers: what would it do, why (not), and how often.

They change no person and no sequence. They show people, events and mails, so they need the rights
to see those.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern

from config.admin_base import RowAction, view_url
from events.admin import backtesting, explaining, mail_previewing, simulating
from events.admin.sequence_pages import SequencePages
from events.models import Sequence

NEEDED = (
    "subscribers.view_subscriber", "subscribers.view_outgoingemail", "events.view_event",
    "events.view_enrollment",
)  # fmt: skip
QUESTIONS = (
    RowAction(
        name="simulate", label="Simulate", is_link=True,
        explanation="What it would do for one person, with dates and mails.",
    ),
    RowAction(
        name="why", label="Why (not)?", is_link=True,
        explanation="Why a person is or is not in it, and what became of its mail.",
    ),
    RowAction(
        name="backtest", label="Backtest", is_link=True,
        explanation="What it would have done with the events of the last days.",
    ),
)  # fmt: skip


class SequenceQuestions(SequencePages):
    """Adds the pages of questions, and links to them for users who may see their answers."""

    def action_urls(self) -> list[URLPattern]:
        return [
            *super().action_urls(),
            self._question_url("simulate", lambda *asked: simulating.show(self, *asked)),
            self._question_url("simulated-mail", simulating.show_mail),
            self._question_url("mail", lambda *asked: mail_previewing.show(self, *asked)),
            self._question_url("mail-html", mail_previewing.show_html),
            self._typed_url("typed-mail", lambda *asked: mail_previewing.show_typed(self, *asked)),
            self._typed_url("typed-mail-html", mail_previewing.show_typed_html),
            self._typed_url("test-mail", lambda *asked: mail_previewing.send_test(self, *asked)),
            self._question_url("why", lambda *asked: explaining.show(self, *asked)),
            self._question_url("backtest", lambda *asked: backtesting.show(self, *asked)),
            self.action_url("start-backtest", self.start_backtest),
            self.action_url("cancel-backtest", self.cancel_backtest),
            self.action_url("backtest-people", self.backtest_people),
        ]

    def start_backtest(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        backtesting.start(self, request, sequence)
        return HttpResponseRedirect(view_url(sequence, "backtest"))

    def cancel_backtest(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        backtesting.cancel(self, request, sequence)
        return HttpResponseRedirect(view_url(sequence, "backtest"))

    def backtest_people(self, request: HttpRequest, sequence: Sequence) -> StreamingHttpResponse:
        _require(request)
        return backtesting.people(self, request, sequence)

    def _buttons(self, request: HttpRequest, sequence: Sequence) -> list[tuple[RowAction, str]]:
        """Put the questions after the first button, which edits."""
        found = super()._buttons(request, sequence)
        if not request.user.has_perms(NEEDED):
            return found
        asking = [(each, view_url(sequence, each.name)) for each in QUESTIONS]
        return [*found[:1], *asking, *found[1:]]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Let the editor preview what is typed, once there is a sequence to preview it for."""
        sequence = kwargs.get("obj")
        if sequence is not None and request.user.has_perms(NEEDED):
            context["mail_preview_address"] = view_url(sequence, "typed-mail")
        return super().render_change_form(request, context, *args, **kwargs)

    def _page(
        self, request: HttpRequest, sequence: Sequence, template: str, **context: object
    ) -> HttpResponse:
        may_ask = request.user.has_perms(NEEDED)
        return super()._page(request, sequence, template, may_ask=may_ask, **context)

    def _typed_url(
        self, name: str, answer: Callable[[HttpRequest, Sequence], HttpResponse]
    ) -> URLPattern:
        """Return the address of a page about what is posted; it needs the right to change, too."""

        def act(request: HttpRequest, sequence: Sequence) -> HttpResponse:
            _require(request)
            return answer(request, sequence)

        return self.action_url(name, act)

    def _question_url(
        self, name: str, show: Callable[[HttpRequest, Sequence], HttpResponse]
    ) -> URLPattern:
        def answer(request: HttpRequest, sequence: Sequence) -> HttpResponse:
            _require(request)
            return show(request, sequence)

        return self.view_url(name, answer)


def _require(request: HttpRequest) -> None:
    if not request.user.has_perms(NEEDED):
        raise PermissionDenied
