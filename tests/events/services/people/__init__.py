"""Tests of `events.services.people`."""
