"""Tests of `events.egress`."""
