"""Tests of `events.services.engine`."""
