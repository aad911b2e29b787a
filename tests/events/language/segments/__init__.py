"""Tests of `events.language.segments`."""
