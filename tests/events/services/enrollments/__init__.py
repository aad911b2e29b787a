"""Tests of `events.services.enrollments`."""
