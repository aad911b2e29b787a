"""Tests of `events.services.segments`."""
