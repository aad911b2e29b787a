"""Tests of `subscribers.services.consent`."""
