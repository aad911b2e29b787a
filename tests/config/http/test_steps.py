"""Coroutines that run in whichever thread completes what they wait for."""

from config.http.steps import Step, own


def test_a_coroutine_may_ask_for_its_step_again_before_it_waits() -> None:
    found: list[object] = []

    async def ask() -> None:
        found.extend([await own, await own])

    step = Step(ask())
    step()

    assert found == [step, step]
