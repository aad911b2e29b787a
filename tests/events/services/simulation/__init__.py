"""Tests of `events.services.simulation`."""
