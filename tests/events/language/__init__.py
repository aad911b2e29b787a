"""Tests of `events.language`."""
