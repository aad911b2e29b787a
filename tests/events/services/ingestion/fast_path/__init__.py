"""Tests of `events.services.ingestion.fast_path`."""
