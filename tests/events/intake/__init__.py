"""Tests of `events.intake`."""
