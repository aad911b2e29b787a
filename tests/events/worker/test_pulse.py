"""Bytes on a pipe tell both ends of each other."""

import os

import pytest

from events.worker import pulse
from events.worker.pulse import Pulse, PulseReader, SupervisorGone


def test_the_last_byte_is_what_counts() -> None:
    reader = PulseReader.open()
    heart = Pulse(reader.child_descriptor)

    heart.give(pulse.WELL)
    heart.give(pulse.BUSY)

    assert reader.read() == pulse.BUSY
    assert reader.read() == b""


def test_a_supervisor_that_does_not_read_holds_nobody_up() -> None:
    reader = PulseReader.open()
    heart = Pulse(reader.child_descriptor)

    for _ in range(100_000):
        heart.give(pulse.WELL)

    assert reader.read() == pulse.WELL


def test_a_supervisor_that_is_gone_is_noticed() -> None:
    reader = PulseReader.open()
    reader.close()

    with pytest.raises(SupervisorGone):
        Pulse(reader.child_descriptor).give(pulse.WELL)


def test_a_child_that_is_gone_is_silent() -> None:
    reader = PulseReader.open()

    reader.leave_to_child()

    assert reader.read() == b""


def test_without_a_listener_nothing_is_written() -> None:
    Pulse().give(pulse.WELL)


def test_a_child_inherits_its_end_alone() -> None:
    reader = PulseReader.open()

    assert not os.get_inheritable(reader.descriptor)
