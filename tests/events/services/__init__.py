"""Tests of events/services."""
