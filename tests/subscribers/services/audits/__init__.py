"""Tests of `subscribers.services.audits`."""
