"""Tests of `events.services.counts`."""
