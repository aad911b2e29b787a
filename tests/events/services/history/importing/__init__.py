"""Tests of `events.services.history.importing`."""
