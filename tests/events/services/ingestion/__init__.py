"""Tests of `events.services.ingestion`."""
