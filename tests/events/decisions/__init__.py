"""Tests of `events.decisions`."""
