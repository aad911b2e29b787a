"""Tests of `subscribers.services.audience`."""
