"""Tests of `subscribers.services.outbox`."""
