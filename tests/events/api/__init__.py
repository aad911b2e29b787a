"""Tests of events/api."""
