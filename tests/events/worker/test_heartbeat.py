"""Bytes on a pipe show each end that the other one lives."""

import os

import pytest

from events.worker import heartbeat
from events.worker.heartbeat import Heartbeat, HeartbeatReader, SupervisorGone


def test_the_last_byte_is_what_counts() -> None:
    reader = HeartbeatReader.open()
    pipe = Heartbeat(reader.child_descriptor)

    pipe.send(heartbeat.WELL)
    pipe.send(heartbeat.BUSY)

    assert reader.read() == heartbeat.BUSY
    assert reader.read() == b""


def test_a_supervisor_that_does_not_read_blocks_nobody() -> None:
    reader = HeartbeatReader.open()
    pipe = Heartbeat(reader.child_descriptor)

    for _ in range(100_000):
        pipe.send(heartbeat.WELL)

    assert reader.read() == heartbeat.WELL


def test_a_supervisor_that_is_gone_is_noticed() -> None:
    reader = HeartbeatReader.open()
    reader.close()

    with pytest.raises(SupervisorGone):
        Heartbeat(reader.child_descriptor).send(heartbeat.WELL)


def test_a_child_that_is_gone_is_silent() -> None:
    reader = HeartbeatReader.open()

    reader.leave_to_child()

    assert reader.read() == b""


def test_without_a_listener_nothing_is_written() -> None:
    Heartbeat().send(heartbeat.WELL)


def test_a_child_inherits_its_end_alone() -> None:
    reader = HeartbeatReader.open()

    assert not os.get_inheritable(reader.descriptor)
