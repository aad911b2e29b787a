"""Tests of `subscribers.services.people`."""
