"""Tests of `subscribers.rows`."""
