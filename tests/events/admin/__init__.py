"""Tests of events/admin."""
