"""Tests of `events.language.steps`."""
