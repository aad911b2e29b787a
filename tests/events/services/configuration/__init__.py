"""Tests of `events.services.configuration`."""
