"""Tests of `events.services.sequences`."""
