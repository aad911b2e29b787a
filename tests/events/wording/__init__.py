"""Tests of `events.wording`."""
