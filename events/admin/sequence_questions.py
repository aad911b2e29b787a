"""The questions that a sequence's page answers: what would it do, why (not), and how often.

They change no person and no sequence. They show people, events and mails, so they need the rights
to see those.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern

from config.admin_base import view_url
from events.admin import backtesting, explaining, simulating
from events.admin.sequence_actions import SequenceActions
from events.models import Sequence

NEEDED = (
    "subscribers.view_subscriber", "subscribers.view_outgoingemail", "events.view_event",
    "events.view_enrollment",
)  # fmt: skip
QUESTIONS = (("simulate", "Simulate"), ("why", "Why (not)?"), ("backtest", "Backtest"))


class SequenceQuestions(SequenceActions):
    """Adds the pages of questions, and links to them for users who may see their answers."""

    def action_urls(self) -> list[URLPattern]:
        return [
            *super().action_urls(),
            self._question_url("simulate", lambda *asked: simulating.show(self, *asked)),
            self._question_url("simulated-mail", simulating.show_mail),
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

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        sequence = kwargs.get("obj")
        if sequence is not None and request.user.has_perms(NEEDED):
            context["questions"] = [(label, view_url(sequence, name)) for name, label in QUESTIONS]
        return super().render_change_form(request, context, *args, **kwargs)

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
