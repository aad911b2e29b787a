"""Tests of `events.services.history`."""
