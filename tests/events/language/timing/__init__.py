"""Tests of `events.language.timing`."""
