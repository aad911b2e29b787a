"""Numbers that processes share without a lock."""

import os

from events.worker.timers import IDLE, TimerPage


def test_a_forked_process_and_its_parent_see_the_same_timer() -> None:
    page = TimerPage(2)
    page.timer(0).value = IDLE
    page.timer(1).value = IDLE

    child = os.fork()
    if child == 0:
        page.timer(1).value = 63
        os._exit(0)
    os.waitpid(child, 0)

    assert page.timer(1).value == 63
    assert not page.timer(1).is_idle
    assert page.timer(0).is_idle


def test_the_wish_to_stop_reaches_everybody() -> None:
    page = TimerPage(1)

    page.request_stop()

    assert page.is_stopping
    assert page.timer(0).value == 0


def test_setting_a_timer_is_a_sign_of_life() -> None:
    timer = TimerPage(1).timer(0)
    assert timer.seconds_since_touch > 1

    timer.value = 60

    assert timer.seconds_since_touch < 1


def test_the_lock_that_django_q_enters_holds_nobody_up() -> None:
    timer = TimerPage(1).timer(0)

    with timer.get_lock(), timer.get_lock():
        timer.value = IDLE

    assert timer.is_idle
