"""Tests of `events.services.demo`."""
