"""The port by which the audience tells upwards what happened: exactly one listens."""

import pytest
from django.core.checks import run_checks

from events.reactions import EnrollmentsReact
from subscribers import reactions


def test_the_runs_listen_once_the_process_has_started() -> None:
    assert isinstance(reactions.current(), EnrollmentsReact)


def test_a_second_one_is_refused() -> None:
    with pytest.raises(RuntimeError, match="already"):
        reactions.install(EnrollmentsReact())


def test_without_anybody_the_checks_refuse_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactions, "_installed", [])

    found = [message.id for message in run_checks()]

    assert "subscribers.E001" in found


def test_without_anybody_a_report_is_refused_rather_than_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reactions, "_installed", [])

    with pytest.raises(reactions.NotInstalled):
        reactions.current()
